"""Statistics over seeds, and over test examples."""

import bisect
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from distill.errors import UserError

LEAST_SEEDS = 3  # with fewer, an interval says next to nothing: Student's t of one degree is 12.7
LEVEL = 0.05
EQUIVALENCE = 0.0025  # a quarter of a percentage point
_MOST_SEEDS = 1000


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The mean of `with − without` over seeds, with its 95 % interval and paired t-test.

    With fewer than `LEAST_SEEDS` seeds the interval is infinite and the p-value is NaN. The effect
    size is Cohen's d of paired differences, `mean / std`. Interval and p-value are corrected for
    the number of comparisons.
    """

    mean: float
    low: float
    high: float
    p_value: float
    seeds: int
    std: float = math.nan
    effect_size: float = math.nan
    comparisons: int = 1

    @property
    def outcome(self) -> str:
        """`"better"`, `"worse"`, `"equivalent"` or `"inconclusive"`.

        Equivalent means that the whole interval lies within ± `EQUIVALENCE`.
        """
        if self.low > 0 or self.high < 0:
            return "better" if self.low > 0 else "worse"
        widest = max(abs(self.low), abs(self.high))
        return "equivalent" if widest <= EQUIVALENCE else "inconclusive"


@dataclasses.dataclass(frozen=True)
class McNemar:
    """The difference of two accuracies on the same test examples, with its 95 % interval.

    `only_a` and `only_b` count the examples that only one model classifies correctly.
    """

    only_a: int
    only_b: int
    difference: float
    low: float
    high: float
    p_value: float


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Returns the mean and the sample standard deviation (NaN for a single value)."""
    values = np.asarray(values, dtype="float64")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % interval of the mean: `mean ± t · std / √n`, Student's t of n − 1 degrees.

    It is infinite with fewer than `LEAST_SEEDS` values.

    >>> low, high = mean_interval([0.92, 0.94, 0.93])
    >>> round(low, 4), round(high, 4)
    (0.9052, 0.9548)
    """
    mean, std = mean_and_std(values)
    if len(values) < LEAST_SEEDS:
        return -math.inf, math.inf
    reach = float(stats.t.ppf(1 - LEVEL / 2, len(values) - 1)) * std / math.sqrt(len(values))
    return mean - reach, mean + reach


def paired_difference(
    with_: Sequence[float],
    without: Sequence[float],
    resolution: float = 0.0,
    test_to_train: float = 0.0,
    comparisons: int = 1,
) -> PairedDifference:
    """Compares two series over the same seeds by the paired t-test.

    Several comparisons are corrected by Bonferroni's method: the p-value is multiplied by their
    number m, and the interval has the level `1 − 0.05/m`. The interval excludes 0 if and only if
    the corrected p is below 0.05. All m intervals hold their true differences together in 95 % of
    experiments or more. Holm's method has no two-sided intervals that keep that promise.

    Args:
        with_: one value for each seed.
        without: the values to compare with; same seeds, same order.
        resolution: the step of the values, 1/examples for an accuracy. The standard deviation is
            taken to be at least that of rounding to this step, so that a few equal differences do
            not look like certainty.
        test_to_train: for cross-validation, the ratio of test to training examples, 1/(k − 1) with
            k folds. The training sets of the folds overlap, so the variance of the mean is not
            `std²/n` but about `std² (1/n + test_to_train)` (Nadeau and Bengio, 2003, Inference for
            the Generalization Error, Machine Learning 52).
        comparisons: the number of comparisons m.

    >>> difference = paired_difference([0.92, 0.94, 0.93], [0.90, 0.91, 0.92])
    >>> round(difference.mean, 3), round(difference.low, 4), round(difference.high, 4)
    (0.02, -0.0048, 0.0448)

    Source: Dunn (1961), Multiple Comparisons among Means, JASA 56.
    """
    differences = np.asarray(with_, dtype="float64") - np.asarray(without, dtype="float64")
    seeds, mean = len(differences), float(differences.mean())
    if seeds < 2:
        return PairedDifference(mean, -math.inf, math.inf, math.nan, seeds)
    std = max(float(differences.std(ddof=1)), resolution / math.sqrt(12))
    effect_size = mean / std if std else math.copysign(math.inf, mean) if mean else 0.0
    low, high, p_value = -math.inf, math.inf, math.nan
    if seeds >= LEAST_SEEDS and std:
        error = std * math.sqrt(1 / seeds + test_to_train)
        reach = float(stats.t.ppf(1 - LEVEL / comparisons / 2, seeds - 1)) * error
        low, high = mean - reach, mean + reach
        p_value = min(1.0, comparisons * float(2 * stats.t.sf(abs(mean) / error, seeds - 1)))
    elif seeds >= LEAST_SEEDS:
        low, high, p_value = mean, mean, 0.0 if mean else 1.0
    return PairedDifference(mean, low, high, p_value, seeds, std, effect_size, comparisons)


def mcnemar(correct_a: Sequence[bool], correct_b: Sequence[bool]) -> McNemar:
    """Compares two models on the same test examples by McNemar's exact test.

    The arguments say for each example whether a model is correct. If the models are equally good,
    each of the n examples that only one of them classifies correctly belongs to either with
    probability 1/2: a two-sided binomial test. The interval belongs to this test: it is that of
    Clopper and Pearson for the share s of `only_a` among these n, which turns into a difference of
    accuracies on N examples by `(2 s − 1) n / N`. It excludes 0 if and only if p is below 0.05.

    >>> found = mcnemar([True] * 6 + [False] * 4, [False] * 10)
    >>> found.only_a, found.p_value, found.difference, round(found.low, 3), found.high
    (6, 0.03125, 0.6, 0.049, 0.6)

    Sources: McNemar (1947), Psychometrika 12; Clopper and Pearson (1934), Biometrika 26.
    """
    correct_a, correct_b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    examples = correct_a.size
    if correct_a.shape != correct_b.shape or not examples:
        raise UserError(
            f"The two models have {examples} and {correct_b.size} test examples; compare them on "
            "the same examples, at least one."
        )
    only_a, only_b = int(np.sum(correct_a & ~correct_b)), int(np.sum(~correct_a & correct_b))
    together = only_a + only_b
    if not together:
        return McNemar(0, 0, 0.0, 0.0, 0.0, 1.0)
    test = stats.binomtest(only_a, together)
    shares = test.proportion_ci(1 - LEVEL, method="exact")
    low, high = (float((2 * share - 1) * together / examples) for share in shares)
    return McNemar(only_a, only_b, (only_a - only_b) / examples, low, high, float(test.pvalue))


def seeds_needed(
    difference: float, std: float, power: float = 0.8, level: float = LEVEL
) -> int | None:
    """Returns how many seeds a paired t-test needs to detect a difference with some probability.

    The test statistic then has the noncentral t distribution of n − 1 degrees, with noncentrality
    `difference / std · √n`; the power is its probability to lie beyond ± Student's t. With m
    comparisons the level is 0.05/m. The number is 3 or more; `None` means more than 1000.

    >>> seeds_needed(difference=0.01, std=0.01)
    10

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """

    def is_enough(seeds):
        if std == 0.0:
            return difference != 0.0
        noncentrality = abs(difference) / std * math.sqrt(seeds)
        critical = stats.t.ppf(1 - level / 2, seeds - 1)
        upper = stats.nct.sf(critical, seeds - 1, noncentrality)
        lower = stats.nct.cdf(-critical, seeds - 1, noncentrality)
        # SciPy may return NaN far out, where the lower tail is almost 0 and the upper one a step.
        upper = upper if math.isfinite(upper) else float(noncentrality > critical)
        return upper + (lower if math.isfinite(lower) else 0.0) >= power

    numbers = range(LEAST_SEEDS, _MOST_SEEDS + 1)
    index = bisect.bisect_left(numbers, True, key=is_enough)
    return numbers[index] if index < len(numbers) else None

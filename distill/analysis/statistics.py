"""Statistics over seeds, and over test examples."""

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
    """The mean of `with − without` over seeds, with its 95 % interval.

    Attributes:
        mean: the mean difference.
        low: lower end of the interval; −∞ with fewer than `LEAST_SEEDS` seeds.
        high: upper end of the interval; ∞ with fewer than `LEAST_SEEDS` seeds.
        p_value: of the two-sided paired t-test; NaN with fewer than `LEAST_SEEDS` seeds.
        seeds: number of pairs.
        std: standard deviation of the differences.
        effect_size: Cohen's d of paired differences, `mean / std`.
        comparisons: number of comparisons for which interval and p-value are corrected.
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
        if self.seeds < LEAST_SEEDS:
            return "inconclusive"
        if self.low > 0 or self.high < 0:
            return "better" if self.low > 0 else "worse"
        widest = max(abs(self.low), abs(self.high))
        return "equivalent" if widest <= EQUIVALENCE else "inconclusive"


@dataclasses.dataclass(frozen=True)
class McNemar:
    """Two models on the same test examples.

    Attributes:
        only_a: examples that only the first model classifies correctly.
        only_b: examples that only the second model classifies correctly.
        p_value: of the exact two-sided test that both counts have the same expectation.
    """

    only_a: int
    only_b: int
    p_value: float


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Returns the mean and the sample standard deviation (NaN for a single value)."""
    values = np.asarray(values, dtype="float64")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % interval of the mean: `mean ± t · std / √n`, Student's t of n − 1 degrees.

    Args:
        values: one for each seed.

    Returns:
        Lower and upper end; infinite with fewer than `LEAST_SEEDS` values.

    Example:

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
    number m, and the interval has the level `1 − 0.05/m`. Interval and p-value then agree: the
    interval excludes 0 if and only if the corrected p is below 0.05. All m intervals hold their
    true differences together in 95 % of experiments or more. Holm's method rejects a little more
    often, but has no two-sided intervals that agree with it and keep that promise.

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

    Returns:
        The mean difference; with `LEAST_SEEDS` seeds or more also its interval and p-value.

    Example:

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


def mcnemar(right_a: Sequence[bool], right_b: Sequence[bool]) -> McNemar:
    """Compares two models on the same test examples by McNemar's exact test.

    If the models are equally good, each example that only one of them classifies correctly belongs
    to either with probability 1/2: a two-sided binomial test.

    Args:
        right_a: for each example, whether the first model is correct.
        right_b: the same for the second model.

    Returns:
        The two counts and the p-value.

    Raises:
        UserError: the numbers of examples differ, or are 0.

    Example:

    >>> mcnemar([True] * 6 + [False], [False] * 6 + [False])
    McNemar(only_a=6, only_b=0, p_value=0.03125)

    Source: McNemar (1947), Note on the sampling error of the difference between correlated
    proportions or percentages, Psychometrika 12.
    """
    right_a, right_b = _examples(right_a, right_b)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))
    together = only_a + only_b
    p_value = float(stats.binomtest(only_a, together).pvalue) if together else 1.0
    return McNemar(only_a, only_b, p_value)


def bootstrap_difference(
    right_a: Sequence[bool], right_b: Sequence[bool], seed: int = 0, resamples: int = 9999
) -> tuple[float, float]:
    """Returns the 95 % interval of `accuracy_a − accuracy_b` over resampled test examples.

    Args:
        right_a: for each example, whether the first model is correct.
        right_b: the same for the second model.
        seed: of the resampling.
        resamples: number of times that the examples are drawn, with replacement.

    Returns:
        Lower and upper end, by percentiles.

    Raises:
        UserError: the numbers of examples differ, or are 0.

    Example:

    >>> bootstrap_difference([True, True], [False, False])
    (1.0, 1.0)

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    right_a, right_b = _examples(right_a, right_b)
    differences = right_a.astype("float64") - right_b
    if np.ptp(differences) == 0:  # SciPy refuses a single example
        return float(differences[0]), float(differences[0])
    rng = np.random.default_rng(seed)
    options = {"n_resamples": resamples, "batch": 100, "method": "percentile", "rng": rng}
    interval = stats.bootstrap((differences,), np.mean, **options).confidence_interval
    return float(interval.low), float(interval.high)


def _examples(right_a, right_b):
    right_a, right_b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if right_a.shape != right_b.shape or right_a.size == 0:
        raise UserError(
            f"The two models have {right_a.size} and {right_b.size} test examples; compare them "
            "on the same examples, at least one."
        )
    return right_a, right_b


def seeds_needed(
    difference: float, std: float, power: float = 0.8, level: float = LEVEL
) -> int | None:
    """Returns how many seeds a paired t-test needs to detect a difference.

    The test statistic then has the noncentral t distribution of n − 1 degrees, with noncentrality
    `difference / std · √n`; the power is its probability to lie beyond ± Student's t.

    Args:
        difference: the true mean difference.
        std: the standard deviation of the differences.
        power: the probability with which the two-sided test should detect it.
        level: of the test; 0.05/m with m comparisons.

    Returns:
        The smallest number, 3 or more; `None` if more than 1000 would be needed.

    Example:

    >>> seeds_needed(difference=0.01, std=0.01)
    10

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """

    def is_enough(seeds):
        return _power(difference, std, seeds, level) >= power

    if difference == 0.0 or not is_enough(_MOST_SEEDS):
        return None
    low, high = LEAST_SEEDS - 1, _MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _power(difference, std, seeds, level):
    """Probability that the test detects the difference, by the noncentral t distribution."""
    if std == 0.0:
        return 1.0
    noncentrality = abs(difference) / std * math.sqrt(seeds)
    critical = stats.t.ppf(1 - level / 2, seeds - 1)
    upper = stats.nct.sf(critical, seeds - 1, noncentrality)
    lower = stats.nct.cdf(-critical, seeds - 1, noncentrality)
    # SciPy may return NaN far out, where the lower tail is almost 0 and the upper one a step.
    upper = upper if math.isfinite(upper) else float(noncentrality > critical)
    return float(upper + (lower if math.isfinite(lower) else 0.0))

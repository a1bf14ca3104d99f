"""Statistics over seeds and over test examples, and what may be said of them in a sentence."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from distill.errors import UserError

LEAST_SEEDS = 3  # with fewer no interval is worth a claim
_LEVEL = 0.05
_MOST_SEEDS = 1000
_NO_DIFFERENCE = 0.0025  # an interval within ± a quarter of a point


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The mean of `with − without` over seeds, with its 95 % interval.

    Attributes:
        mean: the mean difference.
        low: lower end of the interval.
        high: upper end of the interval.
        p_value: of the two-sided paired t-test of no difference.
        seeds: number of pairs.
        std: standard deviation of the differences.
        effect_size: Cohen's d of paired differences, `mean / std`.
    """

    mean: float
    low: float
    high: float
    p_value: float
    seeds: int
    std: float = math.nan
    effect_size: float = math.nan


@dataclasses.dataclass(frozen=True)
class McNemar:
    """Two models on the same test examples.

    Attributes:
        only_a: examples on which only the first is right.
        only_b: examples on which only the second is right.
        p_value: of the exact two-sided test that both are equally probable.
    """

    only_a: int
    only_b: int
    p_value: float


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Returns the mean and the sample standard deviation (NaN of a single value)."""
    values = np.asarray(values, dtype="float64")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % interval of the mean: `mean ± t · std / √n`, Student's t of n − 1 degrees.

    Args:
        values: one for each seed.

    Returns:
        Lower and upper end; infinite for a single value.

    Example:

    >>> low, high = mean_interval([0.92, 0.94, 0.93])
    >>> round(low, 4), round(high, 4)
    (0.9052, 0.9548)
    """
    mean, std = mean_and_std(values)
    if len(values) < 2:
        return -math.inf, math.inf
    reach = float(stats.t.ppf(1 - _LEVEL / 2, len(values) - 1)) * std / math.sqrt(len(values))
    return mean - reach, mean + reach


def paired_difference(
    with_: Sequence[float],
    without: Sequence[float],
    resolution: float = 0.0,
    test_to_train: float = 0.0,
) -> PairedDifference:
    """Compares two series of the same seeds by the paired t-test.

    Args:
        with_: one value for each seed.
        without: the values to compare with, same seeds, same order.
        resolution: the step in which the values come, 1/examples for an accuracy. The standard
            deviation is taken to be no less than that of rounding to it, so that a few equal
            differences do not look like certainty.
        test_to_train: of cross-validation, the ratio of test to training examples, 1/(k − 1) for k
            folds. The folds' training sets overlap, and so the variance of the mean is not
            `std²/n` but about `std² (1/n + test_to_train)` (Nadeau and Bengio, 2003, Inference
            for the Generalization Error, Machine Learning 52).

    Returns:
        The mean difference with its 95 % interval by Student's t.

    Example:

    >>> difference = paired_difference([0.92, 0.94, 0.93], [0.90, 0.91, 0.92])
    >>> round(difference.mean, 3), round(difference.low, 4), round(difference.high, 4)
    (0.02, -0.0048, 0.0448)
    """
    differences = np.asarray(with_, dtype="float64") - np.asarray(without, dtype="float64")
    seeds, mean = len(differences), float(differences.mean())
    if seeds < 2:
        return PairedDifference(mean, -math.inf, math.inf, math.nan, seeds)
    std = max(float(differences.std(ddof=1)), resolution / math.sqrt(12))
    if std == 0.0:
        effect = math.copysign(math.inf, mean) if mean else 0.0
        return PairedDifference(mean, mean, mean, 0.0 if mean else 1.0, seeds, std, effect)
    error = std * math.sqrt(1 / seeds + test_to_train)
    reach = float(stats.t.ppf(1 - _LEVEL / 2, seeds - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, seeds - 1))
    return PairedDifference(mean, mean - reach, mean + reach, p_value, seeds, std, mean / std)


def mcnemar(right_a: Sequence[bool], right_b: Sequence[bool]) -> McNemar:
    """Compares two models on the same test examples by McNemar's exact test.

    Under no difference, of the examples on which one model alone is right, each model has half:
    a two-sided binomial test.

    Args:
        right_a: for each example, whether the first model is right.
        right_b: the same of the second.

    Returns:
        The two counts and the p-value.

    Raises:
        UserError: the numbers of examples differ.

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
        right_a: for each example, whether the first model is right.
        right_b: the same of the second.
        seed: of the resampling.
        resamples: how often the examples are drawn anew, with replacement.

    Returns:
        Lower and upper end, by percentiles.

    Raises:
        UserError: the numbers of examples differ.

    Example:

    >>> bootstrap_difference([True, True], [False, False])
    (1.0, 1.0)

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    right_a, right_b = _examples(right_a, right_b)
    differences = right_a.astype("float64") - right_b
    if np.ptp(differences) == 0:  # one example, too, of which SciPy makes no interval
        return float(differences[0]), float(differences[0])
    found = stats.bootstrap(
        (differences,), np.mean, n_resamples=resamples, batch=100, method="percentile",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    interval = found.confidence_interval
    return float(interval.low), float(interval.high)


def _examples(right_a, right_b):
    right_a, right_b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if right_a.shape != right_b.shape or right_a.size == 0:
        raise UserError(
            f"The two models have {right_a.size} and {right_b.size} test examples; compare them "
            "on the same ones, one at least."
        )
    return right_a, right_b


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for the number of comparisons, by Holm's step-down method.

    The k-th smallest of m is multiplied by `m − k + 1`, and no adjusted value is smaller than that
    of a smaller p. The chance of one false claim or more stays below 5 % if claims are made of
    adjusted values below 0.05.

    Args:
        p_values: one for each comparison; NaN, of a comparison that could not be made, stays NaN
            and is not counted.

    Returns:
        The adjusted p-values, in the same order.

    Example:

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian
    Journal of Statistics 6.
    """
    adjusted, least = [math.nan] * len(p_values), 0.0
    counted = [index for index, p_value in enumerate(p_values) if not math.isnan(p_value)]
    for rank, index in enumerate(sorted(counted, key=lambda index: p_values[index])):
        least = max(least, min(1.0, p_values[index] * (len(counted) - rank)))
        adjusted[index] = least
    return adjusted


def seeds_needed(
    difference: float, std: float, power: float = 0.8, level: float = _LEVEL
) -> int | None:
    """Returns how many seeds a paired t-test needs to see a difference.

    The test statistic then has the noncentral t distribution of n − 1 degrees, with noncentrality
    `difference / std · √n`; the power is its chance to lie beyond ± Student's t.

    Args:
        difference: the true mean difference.
        std: the standard deviation of the differences.
        power: the probability with which the two-sided test should see it.
        level: of the test; of m comparisons, 0.05/m is the strictest that Holm's method asks.

    Returns:
        The smallest number, 3 or more; `None` where more than 1000 would be needed.

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
    """Probability that the test sees the difference, by the noncentral t distribution."""
    if std == 0.0:
        return 1.0
    noncentrality = abs(difference) / std * math.sqrt(seeds)
    critical = stats.t.ppf(1 - level / 2, seeds - 1)
    upper = stats.nct.sf(critical, seeds - 1, noncentrality)
    lower = stats.nct.cdf(-critical, seeds - 1, noncentrality)
    # SciPy may give NaN far out: the lower tail is next to 0 there, the upper a step.
    upper = upper if math.isfinite(upper) else float(noncentrality > critical)
    return float(upper + (lower if math.isfinite(lower) else 0.0))


def verdict(
    difference: PairedDifference,
    without: float,
    with_: float,
    p_value: float | None = None,
    comparisons: int = 1,
) -> str:
    """Says in one sentence whether distillation helped, did not, or cannot be told.

    Args:
        difference: of the test accuracies, distilled − from labels, as fractions.
        without: mean test accuracy of the student from labels.
        with_: mean test accuracy of the distilled student.
        p_value: corrected for the number of comparisons; by default the difference's own, which
            is corrected for none.
        comparisons: the number of comparisons for which `p_value` is corrected.

    Returns:
        The sentence.

    Example:

    >>> print(verdict(PairedDifference(0.051, 0.03, 0.072, 0.002, 5), 0.881, 0.932))
    Distillation helped: test accuracy rose from 88.1 % to 93.2 %, by 5.1 points (95 % interval \
+3.0 to +7.2, 5 seeds, p = 0.002).
    """
    change = f"from {without:.1%} to {with_:.1%}".replace("%", " %")
    points = f"{abs(difference.mean) * 100:.1f} points"
    if difference.seeds < LEAST_SEEDS:
        count = "one seed" if difference.seeds == 1 else f"{difference.seeds} seeds"
        direction = "rose" if difference.mean > 0 else "fell"
        moved = f"{direction} {change}" if difference.mean else f"stayed at {with_ * 100:.1f} %"
        return (
            f"Whether distillation helped cannot be told from {count}: test accuracy {moved}, and "
            "chance alone may do that; run 5 (--seeds 5)."
        )
    if p_value is None:
        p_value, comparisons = difference.p_value, 1
    shown = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    if comparisons > 1:
        shown += f" after Holm's correction for {comparisons} comparisons"
    interval = f"95 % interval {difference.low * 100:+.1f} to {difference.high * 100:+.1f}"
    evidence = f"({interval}, {difference.seeds} seeds, {shown})"
    is_told = p_value < _LEVEL
    if is_told and difference.mean > 0:
        return f"Distillation helped: test accuracy rose {change}, by {points} {evidence}."
    if is_told and difference.mean < 0:
        return f"Distillation did not help: test accuracy fell {change}, by {points} {evidence}."
    went = f"test accuracy went {change}, {difference.mean * 100:+.1f} points {evidence}"
    if max(abs(difference.low), abs(difference.high)) <= _NO_DIFFERENCE:
        return f"No difference to speak of: {went}."
    count = f"these {difference.seeds} seeds"
    needed = _needed(difference, comparisons)
    return f"Whether distillation helped cannot be told from {count}: {went}{needed}."


def _needed(difference, comparisons):
    """How many seeds would tell the difference seen, or half a point where next to none is seen."""
    if not math.isfinite(difference.std):
        return ""
    wanted = abs(difference.mean) if abs(difference.mean) >= 0.0005 else 0.005
    seeds = seeds_needed(wanted, difference.std, level=_LEVEL / comparisons)
    if seeds is not None and seeds <= difference.seeds:
        return ""  # folds count for less than seeds, or half a point would have been seen
    count = f"more than {_MOST_SEEDS}" if seeds is None else f"about {seeds}"
    return f"; {count} seeds would be needed to tell a difference of {wanted * 100:.1f} points"

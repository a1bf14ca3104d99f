"""Statistics over seeds: spread, paired difference, and what may be said of it in a sentence."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

_LEAST_SEEDS = 3  # with fewer no interval is worth a claim


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The mean of `with − without` over seeds, with its 95 % interval.

    Attributes:
        mean: the mean difference.
        low: lower end of the interval.
        high: upper end of the interval.
        p_value: of the two-sided paired t-test of no difference.
        seeds: number of pairs.
    """

    mean: float
    low: float
    high: float
    p_value: float
    seeds: int


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Returns the mean and the sample standard deviation (NaN of a single value)."""
    values = np.asarray(values, dtype="float64")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan


def paired_difference(
    with_: Sequence[float], without: Sequence[float], resolution: float = 0.0
) -> PairedDifference:
    """Compares two series of the same seeds by the paired t-test.

    Args:
        with_: one value for each seed.
        without: the values to compare with, same seeds, same order.
        resolution: the step in which the values come, 1/examples for an accuracy. The standard
            deviation is taken to be no less than that of rounding to it, so that a few equal
            differences do not look like certainty.

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
    error = std / math.sqrt(seeds)
    if error == 0.0:
        return PairedDifference(mean, mean, mean, 1.0 if mean == 0.0 else 0.0, seeds)
    reach = float(stats.t.ppf(0.975, seeds - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, seeds - 1))
    return PairedDifference(mean, mean - reach, mean + reach, p_value, seeds)


def verdict(difference: PairedDifference, without: float, with_: float) -> str:
    """Says in one sentence whether distillation helped, did not, or cannot be told.

    Args:
        difference: of the test accuracies, distilled − from labels, as fractions.
        without: mean test accuracy of the student from labels.
        with_: mean test accuracy of the distilled student.

    Returns:
        The sentence.

    Example:

    >>> print(verdict(PairedDifference(0.051, 0.03, 0.072, 0.002, 5), 0.881, 0.932))
    Distillation helped: test accuracy rose from 88.1 % to 93.2 %, by 5.1 points (95 % interval \
+3.0 to +7.2, 5 seeds, p = 0.002).
    """
    change = f"from {without:.1%} to {with_:.1%}".replace("%", " %")
    points = f"{abs(difference.mean) * 100:.1f} points"
    if difference.seeds < _LEAST_SEEDS:
        count = "one seed" if difference.seeds == 1 else f"{difference.seeds} seeds"
        direction = "rose" if difference.mean > 0 else "fell" if difference.mean < 0 else "stayed"
        return (
            f"Whether distillation helped cannot be told from {count}: test accuracy {direction} "
            f"{change}, and chance alone may do that; run 5 (--seeds 5)."
        )
    interval = f"95 % interval {difference.low * 100:+.1f} to {difference.high * 100:+.1f}"
    p_value = "p < 0.001" if difference.p_value < 0.001 else f"p = {difference.p_value:.2g}"
    evidence = f"({interval}, {difference.seeds} seeds, {p_value})"
    if difference.low > 0:
        return f"Distillation helped: test accuracy rose {change}, by {points} {evidence}."
    if difference.high < 0:
        return f"Distillation did not help: test accuracy fell {change}, by {points} {evidence}."
    return (
        f"Whether distillation helped cannot be told from these {difference.seeds} seeds: test "
        f"accuracy went {change}, {difference.mean * 100:+.1f} points {evidence}."
    )

"""Numbers as text: mean ± standard deviation, without digits that mean nothing."""

import math
from collections.abc import Sequence

import numpy as np

from distill.analysis.statistics import LEAST_SEEDS, PairedDifference


def percent(values: Sequence[float]) -> str:
    """Formats fractions as per cent.

    >>> percent([0.96, 0.98]), percent([0.5])
    ('97.00 ± 1.41 %', '50.00 %')
    """
    return f"{_mean_and_std(np.asarray(values) * 100, digits=2)} %"


def plain(values: Sequence[float], digits: int = 1) -> str:
    """Formats counts and other numbers; a single count has no decimals.

    >>> plain([67, 70]), plain([67])
    ('68.5 ± 2.1', '67')
    """
    is_count = len(values) == 1 and float(values[0]).is_integer()
    return _mean_and_std(np.asarray(values), digits=0 if is_count else digits)


def _mean_and_std(values, digits):
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def interval(difference: PairedDifference, digits: int = 1) -> str:
    """Formats a difference of fractions in percentage points, with its interval if it has one.

    >>> interval(PairedDifference(0.037, 0.026, 0.048, 0.001, 5))
    '+3.7 (+2.6 to +4.8)'
    >>> interval(PairedDifference(0.037, -math.inf, math.inf, math.nan, 2))
    '+3.7'
    """
    ends = difference.mean, difference.low, difference.high
    mean, low, high = (signed(value, digits) for value in ends)
    return f"{mean} ({low} to {high})" if difference.seeds >= LEAST_SEEDS else mean


def points(difference: PairedDifference, digits: int = 1) -> str:
    """Formats a difference in percentage points for a sentence: with interval and p-value.

    >>> points(PairedDifference(0.0003, 0.0001, 0.0005, 0.012, 5), digits=2)
    '+0.03 (+0.01 to +0.05), p = 0.012'
    >>> points(PairedDifference(0.037, -math.inf, math.inf, math.nan, 2))
    '+3.7 (2 seeds: too few for an interval)'
    """
    shown = interval(difference, digits)
    if difference.seeds < LEAST_SEEDS:
        return f"{shown} ({too_few(difference.seeds)})"
    return f"{shown}, {equals(difference.p_value)}"


def signed(fraction: float, digits: int = 1) -> str:
    """Formats a difference of fractions in percentage points.

    >>> signed(-0.012), signed(-0.0001)
    ('-1.2', '+0.0')
    """
    return f"{round(fraction * 100, digits) + 0.0:+.{digits}f}"


def too_few(seeds: int) -> str:
    """Says why a difference has no interval."""
    return f"{count(seeds, 'seed')}: too few for an interval"


def p_value(value: float) -> str:
    """Formats a p-value; `"–"` for NaN."""
    if math.isnan(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def equals(value: float) -> str:
    """Formats a p-value for a sentence: `p = 0.012` or `p < 0.001`."""
    shown = p_value(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def count(number: int, noun: str) -> str:
    """Formats a count with its noun: `1 seed`, `2 seeds`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def kilobytes(number: float) -> str:
    """Formats bytes in kilobytes, without the unit.

    >>> kilobytes(2440), kilobytes(1234567)
    ('2.4', '1,235')
    """
    return f"{number / 1000:,.{1 if number < 100_000 else 0}f}"

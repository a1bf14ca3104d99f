"""Numbers as people read them: mean ± standard deviation, no digit that means nothing."""

from collections.abc import Sequence

import numpy as np


def percent(values: Sequence[float]) -> str:
    """Formats fractions as per cent.

    Example:

    >>> percent([0.96, 0.98]), percent([0.5])
    ('97.00 ± 1.41 %', '50.00 %')
    """
    return f"{_spread(np.asarray(values) * 100, digits=2)} %"


def plain(values: Sequence[float], digits: int = 1) -> str:
    """Formats counts and other numbers; a single count has no decimals.

    Example:

    >>> plain([67, 70]), plain([67])
    ('68.5 ± 2.1', '67')
    """
    values = np.asarray(values)
    is_count = len(values) == 1 and float(values[0]).is_integer()
    return _spread(values, digits=0 if is_count else digits)


def points(mean: float, low: float, high: float, digits: int = 1) -> str:
    """Formats a difference of fractions in percentage points, with its interval.

    Example:

    >>> points(0.037, 0.026, 0.048), points(0.0003, 0.0001, 0.0005, digits=2)
    ('+3.7 (+2.6 to +4.8)', '+0.03 (+0.01 to +0.05)')
    """
    shown = [f"{value * 100:+.{digits}f}" for value in (mean, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if np.isfinite(low) else shown[0]


def _spread(values, digits):
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"

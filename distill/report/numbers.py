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


def plain(values: Sequence[float]) -> str:
    """Formats counts.

    Example:

    >>> plain([67, 70]), plain([67])
    ('68.5 ± 2.1', '67')
    """
    return _spread(np.asarray(values), digits=1 if len(values) > 1 else 0)


def _spread(values, digits):
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"

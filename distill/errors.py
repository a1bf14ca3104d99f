"""The one exception for a user's mistake: every module raises it, `cli.py` prints it."""

import math
import numbers


class UserError(ValueError):
    """A mistake in what the user gave, told in one sentence.

    The sentence names the value, what is allowed and what to do. On the command line it is
    printed without a traceback and the exit status is 2; in Python it is a `ValueError`.
    """


def check_number(
    name: str,
    value: float,
    wanted: str,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Returns a finite number within limits as it is, and refuses anything else.

    Args:
        name: what the user calls the value.
        value: the value.
        wanted: what it must be, for the message.
        above: it must be greater than this.
        least: it must be this or more.
        most: it must be this or less.

    Raises:
        UserError: it is not such a number.

    Example:

    >>> check_number("alpha", 1.5, "between 0 and 1", least=0, most=1)
    Traceback (most recent call last):
    distill.errors.UserError: alpha is 1.5, and must be between 0 and 1.
    """
    is_number = isinstance(value, numbers.Real) and math.isfinite(value)
    if not (is_number and value > above and least <= value <= most):
        raise UserError(f"{name} is {value!r}, and must be {wanted}.")
    return value

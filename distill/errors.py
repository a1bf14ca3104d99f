"""`UserError`, the exception for a user's mistake. Every module raises it; `cli/` prints it."""

import math
import numbers

import numpy as np


class UserError(ValueError):
    """A mistake in what the user gave, explained in one sentence.

    The sentence names the value, what is allowed and what to do. The command line prints it
    without a traceback and exits with status 2; in Python it is a `ValueError`.
    """

    # Keras rewrites exceptions that pass through a layer into a page about tensor shapes. It
    # leaves those alone that carry this mark.
    _keras_call_info_injected = True


def check_number(
    name: str,
    value: float,
    wanted: str,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Returns a finite number within limits as a Python number, and refuses anything else.

    Args:
        name: what the user calls the value.
        value: a Python or NumPy number, or an array with no axes. Not a `bool`.
        wanted: what the value must be, for the message.
        above: exclusive lower limit.
        least: inclusive lower limit.
        most: inclusive upper limit.

    Examples:
        >>> check_number("alpha", 1.5, "between 0 and 1", least=0, most=1)
        Traceback (most recent call last):
        distill.errors.UserError: alpha is 1.5, and must be between 0 and 1.
    """
    is_scalar = isinstance(value, (np.generic, np.ndarray)) and not value.ndim
    number = value.item() if is_scalar else value
    is_number = isinstance(number, numbers.Real) and not isinstance(number, bool)
    if not (is_number and math.isfinite(number) and number > above and least <= number <= most):
        raise UserError(f"{name} is {value!r}, and must be {wanted}.")
    return number


def check_whole(name: str, value: float, wanted: str = "a whole number, 1 or more") -> int:
    """Returns a whole number, 1 or more, as a Python number, and refuses anything else.

    Args:
        name: what the user calls the value.
        value: as in `check_number`; `3.0` is a whole number.
        wanted: what the value must be, for the message.

    Examples:
        >>> check_whole("steps", 2.5)
        Traceback (most recent call last):
        distill.errors.UserError: steps is 2.5, and must be a whole number, 1 or more.
    """
    if check_number(name, value, wanted, least=1) % 1:
        raise UserError(f"{name} is {value!r}, and must be {wanted}.")
    return int(value)

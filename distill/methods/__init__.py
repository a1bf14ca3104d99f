"""What the student is asked to match, by name; one file for each kind of knowledge."""

import inspect
from collections.abc import Callable

from distill.errors import UserError
from distill.methods.features import FitNet, hint_loss
from distill.methods.labels import CrossEntropy
from distill.methods.logits import (
    KD,
    HardLabel,
    MSELogits,
    MSEProbabilities,
    hard_label,
    kd,
    mse_logits,
    mse_probabilities,
)
from distill.methods.method import FunctionMethod, Method

METHODS = {
    "kd": KD,
    "mse_logits": MSELogits,
    "mse_probabilities": MSEProbabilities,
    "hard_label": HardLabel,
    "fitnet": FitNet,
}


def get_method(method: str | Method | Callable, **options) -> Method:
    """Returns a `Method` from its name, from a function, or as it is.

    Args:
        method: a name in `METHODS`; a `Method`; or a function
            `(teacher_logits, student_logits, temperature) -> (batch,)`.
        **options: what the method of that name takes, e.g. `weight=2.0` for `"fitnet"`.

    Returns:
        A `Method`.

    Raises:
        UserError: it is none of these, or has no such option.

    Example:

    >>> get_method("kd").name
    'kd'
    """
    if isinstance(method, Method):
        return method
    if isinstance(method, str) and method in METHODS:
        known = list(inspect.signature(METHODS[method]).parameters)[:-1]  # the last is **kwargs
        for option in options:
            if option not in known:
                raise UserError(
                    f"The method {method!r} has no option {option!r}; "
                    + (f"it has {', '.join(known)}." if known else "it has none.")
                )
        return METHODS[method](**options, name=method)
    if callable(method) and not isinstance(method, type):
        return FunctionMethod(method)
    raise UserError(
        f"Unknown method {method!r}; use one of {', '.join(METHODS)}, a distill.methods.Method, or "
        "a function (teacher_logits, student_logits, temperature) -> (batch,)."
    )


__all__ = [
    "KD",
    "METHODS",
    "CrossEntropy",
    "FitNet",
    "FunctionMethod",
    "HardLabel",
    "MSELogits",
    "MSEProbabilities",
    "Method",
    "get_method",
    "hard_label",
    "hint_loss",
    "kd",
    "mse_logits",
    "mse_probabilities",
]

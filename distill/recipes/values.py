"""Text to the value of a recipe's field: for flags, and for the axes of a grid."""

import json
import types
import typing
from typing import Any

from distill.errors import UserError
from distill.recipes.recipe import Recipe

HINTS = typing.get_type_hints(Recipe)
_CONSTANTS = {"True": True, "False": False, "None": None, "none": None}


def parse_value(field: str, text: str) -> Any:
    """Turns text into the value of a recipe's field.

    Args:
        field: a field's name, or that of an option: `student_options.hidden`.
        text: the value. `none` where a field may be `None`; classes are joined by `+`; options
            are JSON where they can be, else text.

    Returns:
        The value, of the field's type; whether it is in range is for `Recipe` to say.

    Raises:
        UserError: there is no such field, or the text is not a value of its type.

    Example:

    >>> parse_value("temperature", "2"), parse_value("teacher_epochs", "none")
    (2.0, None)
    >>> parse_value("omitted_classes", "7+8"), parse_value("student_options.hidden", "30")
    (('7', '8'), 30)
    """
    name, dot, option = field.partition(".")
    hint = HINTS.get(name)
    if hint is None or (option and not _is_options(hint)):
        raise UserError(f"A recipe has no field {field!r}; --help shows all of them as flags.")
    if _is_options(hint):
        if not (dot and option.isidentifier()):
            raise UserError(f"{field!r} has no one value; name an option: {name}.NAME=VALUE.")
        return parse_option(text)
    if isinstance(hint, types.UnionType):
        if text in ("None", "none"):
            return None
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        return () if text in ("", "None", "none") else tuple(text.split("+"))
    try:
        return hint(text)
    except ValueError:
        wanted = "a whole number" if hint is int else "a number"
        raise UserError(f"{field} is {text!r}, and must be {wanted}.") from None


def parse_option(text: str) -> Any:
    """Turns the text of a model's or an optimizer's option into a number, truth value or text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_options(hint):
    return typing.get_origin(hint) is dict

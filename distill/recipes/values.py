"""Turns text into the value of a setting, for flags and for the axes of a grid."""

import contextlib
import functools
import json
from typing import Any

import pydantic

from distill.errors import UserError
from distill.recipes.recipe import SHORT_NAMES, Recipe
from distill.recipes.settings import Options, allowed_values, fields_of, unknown_setting

SECTIONS = [name for name in Recipe.model_fields if name != "name"]
_NONE = ("None", "none")
_CONSTANTS = {"True": True, "False": False, "None": None, "none": None}


@functools.cache
def all_fields() -> dict[str, pydantic.fields.FieldInfo]:
    """Returns every setting of a recipe by its dotted name."""
    return {name: field for name, field, _ in fields_of(Recipe)}


def full_name(name: str) -> str:
    """Returns a setting's dotted name; short names and dashes are accepted.

    Examples:
        >>> full_name("learning-rate"), full_name("student.options.hidden")
        ('training.learning_rate', 'student.options.hidden')
    """
    name = name.replace("-", "_")
    return SHORT_NAMES.get(name, name)


def flag_of(name: str) -> str:
    """Returns the flag of a setting.

    Examples:
        >>> flag_of("training.batch_size"), flag_of("teacher.training.epochs")
        ('--batch-size', '--teacher.training.epochs')
    """
    short = next((short for short, full in SHORT_NAMES.items() if full == name), None)
    return f"--{short.replace('_', '-')}" if short else f"--{name}"


def is_options(name: str) -> bool:
    """Whether a setting holds options, such as `student.options`."""
    field = all_fields().get(name)
    return field is not None and field.annotation in (dict[str, Any], Options | None)


def short_name(name: str) -> str:
    """Returns a setting's name as people read it in tables and figures.

    Examples:
        >>> short_name("training.learning_rate"), short_name("student.options.hidden")
        ('learning rate', 'student hidden')
        >>> short_name("teacher.training.epochs")
        'teacher epochs'
    """
    for short, full in SHORT_NAMES.items():
        if name == full:
            return short.replace("_", " ")
    section, *middle, last = name.split(".")
    shown = [] if section in ("data", "training", "distillation", "experiment") else [section]
    shown += [part for part in middle if part not in ("training", "options")]
    return " ".join([*shown, last]).replace("_options", "").replace("_", " ")


def parse_value(name: str, text: str) -> Any:
    """Turns text into the value of a setting, or of an option: `student.options.hidden`.

    `none` is no value. Several names are joined by `+`. Options are read as JSON, or else as text.
    Text of another type is a `UserError`; `Recipe` checks whether the value is in range.

    Examples:
        >>> parse_value("temperature", "2"), parse_value("teacher.training.epochs", "none")
        (2.0, None)
        >>> parse_value("data.student_exclude", "7+8"), parse_value("student.options.hidden", "30")
        (('7', '8'), 30)
    """
    name = full_name(name)
    section = name.rpartition(".")[0]
    if is_options(section) and name != f"{section}.":
        return parse_option(text)
    if is_options(section) or is_options(name):
        name = name.rstrip(".")
        raise UserError(f"{name} needs the name of an option: {name}.NAME=VALUE.")
    field = all_fields().get(name)
    if field is None:
        raise unknown_setting(name)
    allowed = allowed_values(field)
    if allowed.startswith("names"):
        return () if text in ("", *_NONE) else tuple(text.split("+"))
    if text in _NONE and allowed.endswith("or none"):
        return None
    if not allowed.startswith(("a whole number", "a number", "numbers")):
        return text
    try:
        if allowed.startswith("numbers"):
            return () if text in ("", *_NONE) else tuple(map(float, text.split("+")))
        return (int if "whole" in allowed else float)(text)
    except ValueError:
        raise UserError(f"{name} is {text!r}, and must be {allowed}.") from None


def parse_option(text: str) -> Any:
    """Turns the text of an option into a number, truth value, list or text.

    A list is written as in JSON, and one of numbers also with `+`.

    Examples:
        >>> parse_option("2+3.5"), parse_option('["a", "b"]'), parse_option("1+x")
        ([2, 3.5], ['a', 'b'], '1+x')
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    with contextlib.suppress(ValueError):
        return json.loads(text)
    if "+" in text and " " not in text:
        with contextlib.suppress(ValueError):
            return json.loads(f"[{text.replace('+', ',')}]")
    return text


def show_value(value: Any) -> str:
    """Returns a value as tables show it.

    Examples:
        >>> show_value(4.0), show_value(None), show_value(("7", "8")), show_value(())
        ('4', 'none', '7+8', 'none')
    """
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return "+".join(map(show_value, value)) or "none"
    return "none" if value is None else str(value)

"""Which settings a grid has: axes over fields of a recipe, and all their combinations."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from distill.errors import UserError
from distill.recipes import Recipe, parse_value

# Fields that say how often a setting is run or how it is shown.
_NOT_AXES = ("name", "seed", "seeds", "folds", "shown_epoch")


@dataclasses.dataclass(frozen=True)
class Axis:
    """One field of a recipe and the values that it takes in turn.

    Attributes:
        field: a field's name, or that of an option: `student_options.hidden`.
        values: its values, each once.
    """

    field: str
    values: tuple


def parse_axis(text: str) -> Axis:
    """Reads `FIELD=VALUE,VALUE,…`.

    Raises:
        UserError: it is not of that form, or a value is no value of that field.

    Example:

    >>> parse_axis("temperature=1,2,4")
    Axis(field='temperature', values=(1.0, 2.0, 4.0))
    >>> parse_axis("student_options.hidden=8,16")
    Axis(field='student_options.hidden', values=(8, 16))
    """
    field, equals, values = text.partition("=")
    field = field.replace("-", "_")
    if not (field and equals and values):
        raise UserError(f"The axis {text!r} is not of the form FIELD=VALUE,VALUE,….")
    return make_axis(field, [parse_value(field, value) for value in values.split(",")])


def make_axis(field: str, values: Sequence) -> Axis:
    """Makes an axis, or says with a `UserError` why a grid cannot have it."""
    if field in _NOT_AXES:
        raise UserError(f"A grid has no axis {field!r}: give it as a flag, for the whole grid.")
    repeated = [value for index, value in enumerate(values) if value in values[:index]]
    if repeated:
        raise UserError(f"The axis {field} has the value {show(repeated[0])} twice; give it once.")
    return Axis(field, tuple(values))


def settings(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Returns every combination of the axes' values, the last axis turning fastest.

    Example:

    >>> settings([Axis("alpha", (0.1, 0.5)), Axis("temperature", (4.0,))])
    [{'alpha': 0.1, 'temperature': 4.0}, {'alpha': 0.5, 'temperature': 4.0}]
    """
    fields = [axis.field for axis in axes]
    for field in fields:
        if fields.count(field) > 1:
            raise UserError(f"The grid has the axis {field} twice; give all its values in one.")
    combinations = itertools.product(*(axis.values for axis in axes))
    return [dict(zip(fields, values, strict=True)) for values in combinations]


def with_setting(recipe: Recipe, setting: dict[str, Any]) -> Recipe:
    """Returns the recipe with a setting's values; another model has none of the recipe's options.

    Example:

    >>> with_setting(Recipe(), {"alpha": 0.5, "student_options.hidden": 8}).student_options
    {'hidden': 8}
    """
    values = {}
    for field, value in setting.items():
        name, dot, option = field.partition(".")
        values[name] = {**values.get(name, {}), option: value} if dot else value
    return recipe.with_values(values)


def fixed(recipe: Recipe, axes: Sequence[Axis]) -> tuple[Recipe, list[Axis]]:
    """Makes axes of one value part of the recipe, and returns it and the other axes.

    Options of a model or an optimizer that the other axes vary stay an axis: each setting has them.

    Example:

    >>> recipe, axes = fixed(Recipe(), [Axis("alpha", (0.5,)), Axis("temperature", (1.0, 4.0))])
    >>> recipe.alpha, axes
    (0.5, [Axis(field='temperature', values=(1.0, 4.0))])
    """
    varied = {axis.field for axis in axes if len(axis.values) > 1}
    single, others = {}, []
    for axis in axes:
        kind, dot, _ = axis.field.partition("_options.")
        is_of_varied = dot and kind in varied and getattr(recipe, kind) is not None
        if axis.field in varied or is_of_varied:
            others.append(axis)
        else:
            single[axis.field] = axis.values[0]
    return with_setting(recipe, single), others


def show(value: Any) -> str:
    """Returns a value as a table shows it.

    Example:

    >>> show(4.0), show(None), show(("7", "8")), show(())
    ('4', 'none', '7+8', 'none')
    """
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return "+".join(map(show, value)) or "none"
    return "none" if value is None else str(value)


def show_setting(setting: dict[str, Any]) -> str:
    """Returns a setting in words: `alpha 0.5, temperature 4`."""
    return ", ".join(f"{axis_name(field)} {show(value)}" for field, value in setting.items())


def axis_name(field: str) -> str:
    """Returns a field's name as figures show it: `student_options.hidden` is `student hidden`."""
    return field.replace("_options.", " ").replace("_", " ")

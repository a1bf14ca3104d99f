"""The points of a grid: axes over settings of a recipe, and all their combinations."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from distill.errors import UserError
from distill.recipes import Recipe, full_name, parse_value, short_name, show_value

# These say how often a point is run or what is reported.
_NOT_AXES = ("name", "experiment.")
_OPTIONS_OF = {
    "teacher.options": "teacher.model",
    "student.options": "student.model",
    "distillation.options": "distillation.method",
    "distillation.assistant_options": "distillation.assistant",
    "training.optimizer_options": "training.optimizer",
    "teacher.training.optimizer_options": "teacher.training.optimizer",
    "student.baseline.optimizer_options": "student.baseline.optimizer",
}


@dataclasses.dataclass(frozen=True)
class Axis:
    """A setting of a recipe by its dotted name, and the values that it takes in turn."""

    field: str
    values: tuple

    @property
    def title(self) -> str:
        """The setting's name in tables and figures."""
        return short_name(self.field)


def parse_axis(text: str) -> Axis:
    """Reads `SETTING=VALUE,VALUE,…`.

    >>> parse_axis("temperature=1,2,4")
    Axis(field='distillation.temperature', values=(1.0, 2.0, 4.0))
    >>> parse_axis("student.options.hidden=8,16")
    Axis(field='student.options.hidden', values=(8, 16))
    """
    field, equals, values = text.partition("=")
    if not (field and equals and values):
        raise UserError(f"The axis {text!r} does not have the form SETTING=VALUE,VALUE,….")
    return make_axis(field, [parse_value(field, value) for value in values.split(",")])


def make_axis(field: str, values: Sequence) -> Axis:
    """Makes an axis, or raises a `UserError` if a grid cannot vary this setting."""
    field = full_name(field)
    if field.startswith(_NOT_AXES):
        raise UserError(f"A grid cannot vary {field!r}; give it as a flag, for the whole grid.")
    for index, value in enumerate(values):
        if value in values[:index]:
            raise UserError(
                f"The axis {short_name(field)!r} has the value {show_value(value)} twice; give it "
                "once."
            )
    return Axis(field, tuple(values))


def combinations(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Returns every combination of the axes' values; the last axis changes fastest.

    >>> combinations([make_axis("alpha", (0.1, 0.5)), make_axis("temperature", (4.0,))])[1]
    {'distillation.alpha': 0.5, 'distillation.temperature': 4.0}
    """
    fields = [axis.field for axis in axes]
    for field in fields:
        if fields.count(field) > 1:
            raise UserError(f"The grid has the axis {short_name(field)!r} twice; give it once.")
    products = itertools.product(*(axis.values for axis in axes))
    return [dict(zip(fields, values, strict=True)) for values in products]


def fixed(recipe: Recipe, axes: Sequence[Axis]) -> tuple[Recipe, list[Axis]]:
    """Makes axes of one value part of the recipe, and returns it with the other axes.

    Options of a model, method or optimizer that another axis varies stay an axis: each grid point
    needs them.

    >>> axes = [make_axis("alpha", (0.5,)), make_axis("temperature", (1.0, 4.0))]
    >>> recipe, axes = fixed(Recipe(), axes)
    >>> recipe.distillation.alpha, axes
    (0.5, [Axis(field='distillation.temperature', values=(1.0, 4.0))])
    """
    varied = {axis.field for axis in axes if len(axis.values) > 1}
    single, others = {}, []
    for axis in axes:
        owner = _OPTIONS_OF.get(axis.field.rpartition(".")[0])
        if axis.field in varied or owner in varied:
            others.append(axis)
        else:
            single[axis.field] = axis.values[0]
    return recipe.with_values(single), others


def show_setting(setting: dict[str, Any]) -> str:
    """Returns a grid point in words: `alpha 0.5, temperature 4`."""
    return ", ".join(f"{short_name(name)} {show_value(value)}" for name, value in setting.items())

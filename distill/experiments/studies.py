"""The usual questions by name: each study makes the axes of a grid from a recipe.

Keras is imported where it is needed only: the names are part of `--help`.
"""

import dataclasses
from collections.abc import Callable

from distill.errors import UserError
from distill.experiments.grid import Axis, make_axis, parse_axis
from distill.recipes import RECIPE_STUDIES, Recipe, get_recipe
from distill.recipes.recipe import NEED_EPOCHS, SCHEDULES

# The option by which a model grows, and the smallest value that it takes.
SIZES = {
    "mlp": ("hidden", 2),
    "linear_student": ("hidden", 2),
    "cnn": ("filters", 1),
    "flower_cnn": ("dense", 2),
}
DEFAULT_SIZES = {"mlp": 800, "linear_student": 50, "cnn": 32, "flower_cnn": 128}


@dataclasses.dataclass(frozen=True)
class Study:
    """A question, and the axes that answer it.

    Attributes:
        question: in words, for `--help`.
        axes: makes the axes for a recipe.
    """

    question: str
    axes: Callable[[Recipe], list[Axis]]


def studies_of(recipe: str) -> dict[str, Study]:
    """Returns the studies that a recipe has, by name: its source's own and the usual ones.

    Args:
        recipe: the recipe's name.

    Example:

    >>> studies_of("mnist-hinton")["omitted-3"].question
    'what of the 3s, if the student never sees one?'
    """
    own = RECIPE_STUDIES.get(recipe, {})
    return {name: _with_axes(*study) for name, study in own.items()} | {
        name: study for name, study in STUDIES.items() if name not in own
    }


def _with_axes(question, *axes):
    def make(recipe):
        parsed = [parse_axis(text) for text in axes]
        return [axis for axis in parsed if len(axis.values) > 1 or not _is_set(recipe, axis.field)]

    return Study(question, make)


def _is_set(recipe, field):
    """Whether a flag has set a value that the study would set, too: the flag's is taken."""
    name, _, option = field.partition(".")
    value, default = getattr(recipe, name), getattr(get_recipe(recipe.name), name)
    return value.get(option) != default.get(option) if option else value != default


def get_study(name: str, recipe: str) -> Study:
    """Returns a recipe's study by name, or raises a `UserError` that lists the names."""
    known = studies_of(recipe)
    if name not in known:
        raise UserError(f"{recipe} has no study {name!r}; use one of {', '.join(known)}.")
    return known[name]


def _temperature(recipe):
    return [make_axis("temperature", (1.0, 2.0, 4.0, 8.0, 16.0))]


def _alpha(recipe):
    return [make_axis("alpha", (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0))]


def _student_size(recipe):
    return [_size(recipe, "student", (1 / 4, 1 / 2, 1, 2, 4))]


def _sizes(recipe):
    return [_size(recipe, "teacher", (1 / 4, 1 / 2, 1)), _size(recipe, "student", (1 / 2, 1, 2))]


def _early_stopping(recipe):
    if recipe.teacher_file is not None:
        raise UserError(
            f"A trained teacher ({recipe.teacher_file}) cannot be stopped early; leave out "
            "--teacher-file, or choose another study."
        )
    most = recipe.teacher_epochs or recipe.epochs
    epochs = sorted({max(1, round(most * share)) for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)})
    return [make_axis("teacher_epochs", epochs)]


def _augmentation(recipe):
    return [make_axis("shift", (0, 1, 2))]


def _schedule(recipe):
    names = SCHEDULES
    if recipe.schedule_epochs is None:
        names = [name for name in SCHEDULES if name not in NEED_EPOCHS]
    return [make_axis("schedule", names)]


def _method(recipe):
    from distill.methods import METHODS

    return [make_axis("method", tuple(METHODS))]


def _omitted_class(recipe):
    from distill.preparation import data_of

    data = data_of(recipe.with_seed(recipe.seed))
    if data.classes > 20:
        raise UserError(
            f"{data.name} has {data.classes} classes, too many to leave each out once; choose some "
            "with --grid omitted_classes=none,NAME,NAME."
        )
    return [make_axis("omitted_classes", ((), *((str(number),) for number in range(data.classes))))]


def _noise(recipe):
    return [make_axis("noise", (0.0, 0.25, 0.5, 0.75, 1.0))]


def _size(recipe, role, factors):
    kind, options = getattr(recipe, role), getattr(recipe, f"{role}_options")
    if kind not in SIZES or (role == "teacher" and recipe.teacher_file is not None):
        raise UserError(
            f"The {role} has no known size to change; name an option of its own with --grid "
            f"{role}_options.NAME=VALUE,VALUE."
        )
    option, least = SIZES[kind]
    size = options.get(option, DEFAULT_SIZES[kind])
    sizes = sorted({max(least, round(size * factor)) for factor in factors})
    return make_axis(f"{role}_options.{option}", sizes)


STUDIES = {
    "temperature": Study("which temperature? 1 to 16", _temperature),
    "alpha": Study("how much weight for the labels? 0 to 1", _alpha),
    "student-size": Study("how small may the student be? a quarter to four times", _student_size),
    "sizes": Study("does a larger teacher help a small student? teacher × student", _sizes),
    "early-stopped-teacher": Study("must the teacher be trained to the end?", _early_stopping),
    "augmentation": Study("do images moved by 0, 1 or 2 pixels help?", _augmentation),
    "schedule": Study("which course of the learning rate?", _schedule),
    "method": Study("which method?", _method),
    "omitted-class": Study("what of a class that the student never sees?", _omitted_class),
    "noise": Study("do images have to be images? noise mixed in, up to pure noise", _noise),
}

"""Common questions by name: each study makes the axes of a grid from a recipe.

Keras is imported only where it is needed: `--list studies` does not wait for it.
"""

import dataclasses
from collections.abc import Callable

from distill.errors import UserError
from distill.experiments.grid import Axis, make_axis, parse_axis
from distill.recipes import RECIPE_STUDIES, Recipe, full_name, get_recipe
from distill.recipes.recipe import NEED_EPOCHS

_SCHEDULES = ("constant", "cosine", "step_decay", "warm_restarts")
# The option that sets a model's size, its smallest value and its default.
_SIZES = {
    "mlp": ("hidden", 2, 800),
    "linear_student": ("hidden", 2, 50),
    "cnn": ("filters", 1, 32),
    "flower_cnn": ("dense", 2, 128),
    "separable_cnn": ("width", 0.125, 0.5),
    "mobilenet_v2": ("width", 0.1, 1.0),
}


@dataclasses.dataclass(frozen=True)
class Study:
    """A question, and a function that makes the axes that answer it for a recipe."""

    question: str
    axes: Callable[[Recipe], list[Axis]]


def studies_of(recipe: str) -> dict[str, Study]:
    """Returns the studies of a recipe by name: those of its source, and the common ones.

    >>> studies_of("mnist-hinton")["omitted-3"].question
    'Does the student recognise a 3 if it never sees one?'
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
    """Whether a flag sets a value that the study would set too: the flag's value is taken."""
    name, _, option = full_name(field).rpartition(".")
    default = get_recipe(recipe.name)
    if isinstance(recipe.value(name), dict):
        return recipe.value(name).get(option) != default.value(name).get(option)
    return recipe.value(full_name(field)) != default.value(full_name(field))


def get_study(name: str, recipe: str) -> Study:
    """Returns a recipe's study by name, or raises a `UserError` that lists the names."""
    known = studies_of(recipe)
    if name not in known:
        raise UserError(f"{recipe} has no study {name!r}; use one of {', '.join(known)}.")
    return known[name]


def _early_stopping(recipe):
    if not _is_trained(recipe):
        raise UserError(
            "This recipe's teacher is not trained here, so it cannot be stopped early; choose "
            "another teacher or another study."
        )
    most = recipe.training_with(recipe.teacher.training).epochs
    epochs = sorted({max(1, round(most * share)) for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)})
    return [make_axis("teacher.training.epochs", epochs)]


def _schedule(recipe):
    names = _SCHEDULES
    if recipe.training.schedule_epochs is None:
        names = [name for name in names if name not in NEED_EPOCHS]
    return [make_axis("training.schedule", names)]


def _method(recipe):
    from distill.methods import METHODS

    return [make_axis("method", [name for name, make in METHODS.items() if _suits_all(make())])]


def _suits_all(method):
    """Whether a method is for one class per example, and needs no convolutions in the models."""
    from distill.methods.method import STAGES

    return not method.multi_label and STAGES not in (method.teacher_layers, method.student_layers)


def _omitted_class(recipe):
    from distill.training.data import data_of

    data = data_of(recipe.with_seed(recipe.seed))
    if data.classes > 20:
        raise UserError(
            f"{data.name} has {data.classes} classes, too many to leave each out once; choose some "
            "with --grid data.student_exclude=none,NAME,NAME."
        )
    values = ((), *((str(number),) for number in range(data.classes)))
    return [make_axis("data.student_exclude", values)]


def _size(recipe, role, factors):
    kind, file = recipe.value(role).model, recipe.value(role).file
    if kind not in _SIZES or file or (role == "teacher" and not _is_trained(recipe)):
        raise UserError(
            f"The {role} has no known size to change; name one of its options with --grid "
            f"{role}.options.NAME=VALUE,VALUE."
        )
    option, least, default = _SIZES[kind]
    size = recipe.value(role).options.get(option, default)
    digits = None if isinstance(least, int) else 3  # whole numbers stay whole
    sizes = sorted({max(least, round(size * factor, digits)) for factor in factors})
    return make_axis(f"{role}.options.{option}", sizes)


def _is_trained(recipe):
    from distill.training.teachers import source_of

    return source_of(recipe).trains


STUDIES = {
    "temperature": _with_axes("Which temperature? 1 to 16", "temperature=1,2,4,8,16"),
    "alpha": _with_axes(
        "How much weight for the labels? 0 to 1", "alpha=0,0.1,0.25,0.5,0.75,0.9,1"
    ),
    "student-size": Study(
        "How small can the student be? A quarter to four times its size",
        lambda recipe: [_size(recipe, "student", (1 / 4, 1 / 2, 1, 2, 4))],
    ),
    "sizes": Study(
        "Does a larger teacher help a small student? Teacher × student",
        lambda recipe: [
            _size(recipe, "teacher", (1 / 4, 1 / 2, 1)),
            _size(recipe, "student", (1 / 2, 1, 2)),
        ],
    ),
    "early-stopped-teacher": Study("Must the teacher be trained to the end?", _early_stopping),
    "augmentation": _with_axes(
        "Does moving images by up to 0, 1 or 2 pixels help?", "training.translation=0,1,2"
    ),
    "schedule": Study("Which learning-rate schedule?", _schedule),
    "method": Study("Which method, of those for any models?", _method),
    "omitted-class": Study(
        "Does the student recognise a class that it never sees?", _omitted_class
    ),
    "noise": _with_axes(
        "How much noise may the transfer images have? Up to pure noise",
        "data.noise=0,0.25,0.5,0.75,1",
    ),
}

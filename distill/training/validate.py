"""Tries everything that a run needs, before anything is trained."""

from distill.data import make_augmentation
from distill.errors import UserError
from distill.methods import get_method
from distill.training.building import build
from distill.training.data import baseline_set, data_of
from distill.training.optimizer import make_optimizer
from distill.training.spec import RunSpec


def validate(spec: RunSpec, built: set[str] | None = None) -> None:
    """Loads the data and tries every name and option of a run; raises a `UserError`.

    `built` collects what models were made of, so that the runs of a plan make equal ones once.
    """
    training, data = spec.training, data_of(spec.recipe)
    make_optimizer(training, steps=1)
    make_augmentation(training.augmentation, data.image_shape, 0, training.translation)
    if training.batch_size > len(data.train):
        raise UserError(
            f"training.batch_size is {training.batch_size}, and must be {len(data.train)} or less, "
            f"the number of training images of {data.name}."
        )
    if spec.is_distilled:
        _refuse_several_labels(spec.recipe.distillation)
        _refuse_other_images(spec.recipe)
    elif not spec.is_teacher:
        baseline_set(spec.recipe)
    made_of = _made_of(spec)
    if built is None or made_of not in built:
        build(spec)
    if built is not None:
        built.add(made_of)


def _made_of(spec):
    """What decides whether a run's models can be made, as text."""
    recipe = spec.recipe.model_dump_json(
        include={"data", "teacher", "student", "distillation"},
        exclude={"distillation": {"alpha", "temperature"}},
    )
    return f"{spec.role.value} {recipe}"


def _refuse_several_labels(distillation):
    if get_method(distillation.method, **distillation.options).multi_label:
        raise UserError(
            f"The method {distillation.method!r} is for several labels per example, and these data "
            "have one class each; use it in Python, with distill.Distiller."
        )


def _refuse_other_images(recipe):
    """Features can be matched with one teacher's for the same image only."""
    distillation = recipe.distillation
    if not get_method(distillation.method, **distillation.options).teacher_layers:
        return
    for name, value, wanted in (
        ("distillation.soft_targets", distillation.soft_targets, "own"),
        ("teacher.ensemble", recipe.teacher.ensemble, 1),
    ):
        if value != wanted:
            raise UserError(
                f"{name} is {value!r}, and must be {wanted!r} with the method "
                f"{distillation.method!r}, which matches the features of one teacher for the same "
                "image."
            )

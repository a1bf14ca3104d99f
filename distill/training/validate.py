"""Tries everything that a run needs, before anything is trained."""

import functools
import json

import keras

from distill.data import ImageData, make_augmentation
from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import get_method
from distill.models import build_model
from distill.recipes import Recipe
from distill.training.data import baseline_set, clean_transfer_set, data_of
from distill.training.optimizer import make_optimizer
from distill.training.spec import RunSpec
from distill.training.teachers import source_of, teacher_of


def validate(spec: RunSpec) -> None:
    """Loads the data and tries every name and option that a run uses.

    Args:
        spec: the run.

    Raises:
        UserError: the run cannot be trained.
    """
    recipe, data = spec.recipe, data_of(spec.recipe)
    training = spec.training
    make_optimizer(training, steps=1)
    make_augmentation(training.augmentation, data.image_shape, 0, training.translation)
    if training.batch_size > len(data.train):
        raise UserError(
            f"training.batch_size is {training.batch_size}, and must be {len(data.train)} or less, "
            f"the number of training images of {data.name}."
        )
    if spec.is_teacher:
        source_of(recipe).validate(recipe, data)
        return
    _student(recipe, data)
    if not spec.is_distilled:
        baseline_set(recipe)
        return
    clean_transfer_set(recipe)
    _validate_method(recipe, data)


def _validate_method(recipe, data):
    distillation = recipe.distillation
    method = get_method(distillation.method, **distillation.options)
    teacher = teacher_of(recipe).validate(recipe, data)
    if method.teacher_layers:
        for name, value, wanted in (
            ("distillation.soft_targets", distillation.soft_targets, "own"),
            ("teacher.ensemble", recipe.teacher.ensemble, 1),
        ):
            if value != wanted:
                raise UserError(
                    f"{name} is {value!r}, and must be {wanted!r} with the method "
                    f"{distillation.method!r}, which matches the features of one teacher for the "
                    "same image."
                )
    student = _student(recipe, data)
    Distiller(teacher=teacher, student=student, method=method, examples=len(data.train))


def _student(recipe: Recipe, data: ImageData) -> keras.Model:
    options = json.dumps(recipe.student.options, sort_keys=True)
    return _built(recipe.student.model, data.image_shape, data.classes, options)


@functools.lru_cache(maxsize=8)
def _built(name, image_shape, classes, options):
    return build_model(name, image_shape, classes, **json.loads(options))

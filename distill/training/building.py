"""`build`: the one way to make the model of a run, for training, its check and a trial."""

from collections.abc import Mapping

import keras

from distill.distiller import Distiller
from distill.methods import get_method
from distill.models import quantisation_aware
from distill.runs import Run
from distill.training.data import build_architecture, clean_transfer_set, data_of
from distill.training.spec import RunSpec
from distill.training.teachers import source_of, teacher_of


def build(spec: RunSpec, inputs: Mapping[str, Run] | None = None) -> keras.Model:
    """Makes what a run trains or measures: a teacher, a student, or a `Distiller` of both.

    Without `inputs`, the finished runs that it needs, models like theirs take their place.
    """
    recipe, data = spec.recipe, data_of(spec.recipe)
    teacher = None
    if spec.is_distilled:  # before the seed is set: loading a model draws random numbers, too
        if inputs is None:
            teacher = teacher_of(recipe).validate(recipe, data)
        else:
            teacher = inputs[spec.teacher].load_model()
    keras.utils.set_random_seed(spec.seed)
    if spec.is_teacher:
        source = source_of(recipe)
        if inputs is None:
            return source.validate(recipe, data)
        return source.build(recipe, data, [inputs[key] for key in spec.inputs])
    student = build_architecture(recipe.student, data)
    if recipe.student.quantisation:
        student = quantisation_aware(student)
    if not spec.is_distilled:
        return student
    distillation = recipe.distillation
    return Distiller(
        teacher=teacher,
        student=student,
        method=get_method(distillation.method, **distillation.options),
        alpha=distillation.alpha,
        temperature=distillation.temperature,
        examples=len(clean_transfer_set(recipe)),
    )

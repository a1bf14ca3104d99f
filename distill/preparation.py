"""What a recipe means before anything is trained: its data, its runs' identities and folders."""

import dataclasses
import functools
from pathlib import Path

from distill.budget import Budget
from distill.data import (
    ImageData,
    Split,
    class_number,
    cross_validation_fold,
    hide_labels,
    labelled,
    load_data,
    mix_noise,
    omit_classes,
)
from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import METHODS, get_method
from distill.models import build_model
from distill.recipes import Recipe
from distill.run_folder import file_hash, load_model, run_folder

load_data_once = functools.lru_cache(maxsize=2)(load_data)


def data_of(recipe: Recipe) -> ImageData:
    """Returns the recipe's data; with `folds`, the fold that its seed chooses."""
    source = recipe.dataset, recipe.image_size, recipe.unreadable
    if recipe.folds is None:
        return load_data_once(*source)
    return _fold_once(source, recipe.folds, recipe.seed)


@functools.lru_cache(maxsize=2)
def _fold_once(source, folds, seed):
    return cross_validation_fold(load_data_once(*source), folds, seed)


def labelled_set(recipe: Recipe) -> Split:
    """Returns the images on which the recipe's student learns from labels."""
    split = omit_classes(data_of(recipe), recipe.omitted_classes)
    return labelled(hide_labels(split, recipe.label_fraction))


def transfer_set(recipe: Recipe) -> Split:
    """Returns the images on which the recipe's distilled student imitates, with its labels."""
    split = omit_classes(data_of(recipe), recipe.omitted_classes)
    return mix_noise(hide_labels(split, recipe.label_fraction), recipe.noise, recipe.seed)


def validate(recipe: Recipe) -> ImageData:
    """Loads the data and tries every name and option of a recipe, before anything is trained.

    Args:
        recipe: the recipe.

    Returns:
        The data.

    Raises:
        UserError: something of the recipe cannot be had.
    """
    if recipe.method not in METHODS:
        get_method(recipe.method)
    Budget.of(recipe, "student").make_optimizer(1)
    data = data_of(recipe)
    omit_classes(data, recipe.omitted_classes)
    student = build_model(recipe.student, data.image_shape, data.classes, **recipe.student_options)
    if recipe.teacher_file is None:
        build_model(recipe.teacher, data.image_shape, data.classes, **recipe.teacher_options)
    else:
        _teacher_from_file(recipe, data, student)
    return data


def identity_of(
    role: str, recipe: Recipe, teacher: str | None = None, as_long_as: str | None = None
) -> dict:
    """Returns everything that a run's result depends on.

    Args:
        role: `"teacher"`, `"student"` or `"distilled"`.
        recipe: the recipe.
        teacher: of a distilled student, the key of its teacher's run.
        as_long_as: the key of the run whose time it may take; see `train_student`.
    """
    data = data_of(recipe)
    of_teacher = role == "teacher"
    if of_teacher and recipe.teacher_file is not None:
        return {
            "role": role,
            "data": data.fingerprint,
            "file": file_hash(Path(recipe.teacher_file)),
        }
    identity = {
        "role": role,
        "data": data.fingerprint,
        "model": recipe.teacher if of_teacher else recipe.student,
        "options": recipe.teacher_options if of_teacher else recipe.student_options,
        "budget": dataclasses.asdict(Budget.of(recipe, role)),
        "seed": recipe.seed,
    }
    if not of_teacher:
        identity |= {
            "label_fraction": recipe.label_fraction,
            "omitted_classes": sorted(
                {class_number(data, name) for name in recipe.omitted_classes}
            ),
        }
    if role == "distilled":
        identity |= {
            "method": recipe.method,
            "alpha": recipe.alpha,
            "temperature": recipe.temperature,
            "soft_targets": recipe.soft_targets,
            "noise": recipe.noise,
            "teacher": teacher,
        }
    if as_long_as:
        identity["as_long_as"] = as_long_as
    return identity


def folder_of(role: str, recipe: Recipe, runs: Path, identity: dict) -> Path:
    """Returns where the run of that identity lies, or would lie."""
    kind, seed = (recipe.teacher if role == "teacher" else recipe.student), recipe.seed
    if role == "teacher" and recipe.teacher_file is not None:
        kind, seed = "file", 0  # the same for every seed
    return run_folder(runs, recipe.dataset, f"{role}-{kind}", seed, identity)


def _teacher_from_file(recipe, data, student):
    teacher = load_model(recipe.teacher_file)
    if tuple(teacher.input_shape[1:]) != data.image_shape:
        raise UserError(
            f"The teacher in {recipe.teacher_file} takes inputs of shape "
            f"{tuple(teacher.input_shape[1:])}, and the images of {data.name} have shape "
            f"{data.image_shape}; set --image-size, or choose other data."
        )
    Distiller(teacher=teacher, student=student)

"""What a recipe means before anything is trained: its data, its runs' identities and folders."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distill.budget import Budget
from distill.data import (
    ImageData,
    Split,
    class_number,
    cross_validation_fold,
    foreign_images,
    hide_labels,
    labelled,
    load_data,
    make_augmentation,
    mix_noise,
    omit_classes,
    restrict_classes,
)
from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import METHODS, get_method
from distill.models import MODELS, build_model, require_classifier, with_new_classifier
from distill.own_code import code_fingerprint
from distill.recipes import Recipe, get_recipe
from distill.run_folder import file_hash, load_model, run_folder

OWN = "own"

load_data_once = functools.lru_cache(maxsize=3)(load_data)

# What leaves a run as it is does not become part of its identity: fields that are added to recipes
# later, with these values, leave the runs of today where they are found.
_WITHOUT_EFFECT = {
    "schedule_epochs": None, "floor": 0.0, "warmup_epochs": 0.0, "augmentation": (),
    "noise_kind": "uniform", "transfer_images": [OWN], "pretraining": None, "as_long_as": None,
    "method_options": {}, "model_code": None, "method_code": None,
}  # fmt: skip


def data_of(recipe: Recipe) -> ImageData:
    """Returns the recipe's data; with `folds`, the fold that its seed chooses."""
    source = recipe.dataset, recipe.image_size, recipe.unreadable
    classes = recipe.classes, recipe.dropped_classes
    return _split_once(source, classes, recipe.folds, recipe.folds and recipe.seed)


@functools.lru_cache(maxsize=2)
def _split_once(source, classes, folds, seed):
    data = load_data_once(*source)
    if any(classes):
        data = restrict_classes(data, *classes)
    return cross_validation_fold(data, folds, seed) if folds else data


def labelled_set(recipe: Recipe) -> Split:
    """Returns the images on which the recipe's student learns from labels."""
    return labelled(hide_labels(_seen(recipe), recipe.label_fraction))


def transfer_set(recipe: Recipe) -> Split:
    """Returns the images on which the recipe's distilled student imitates, with its labels."""
    split = hide_labels(imitated(recipe), recipe.label_fraction)
    return mix_noise(split, recipe.noise, recipe.seed, recipe.noise_kind)


def imitated(recipe: Recipe) -> Split:
    """Returns the transfer set before labels are hidden and noise is mixed in."""
    data, parts = data_of(recipe), []
    for name in recipe.transfer_images:
        own = name == OWN
        parts.append(_seen(recipe) if own else foreign_images(data, _other(name, recipe)))
    if len(parts) == 1:
        return parts[0]
    images = np.concatenate([part.images for part in parts])
    return Split(images, np.concatenate([part.labels for part in parts]))


def _other(name, recipe):
    """Another set, whose images join the recipe's transfer set."""
    return load_data_once(name, data_of(recipe).image_shape[0], recipe.unreadable)


def _seen(recipe):
    """The training images of the classes that a student sees, with all labels."""
    return omit_classes(data_of(recipe), recipe.omitted_classes, recipe.kept_classes)


def validate(recipe: Recipe) -> ImageData:
    """Loads the data and tries every name and option of a recipe, before anything is trained.

    Args:
        recipe: the recipe.

    Returns:
        The data.

    Raises:
        UserError: something of the recipe cannot be had.
    """
    method = get_method(recipe.method, **recipe.method_options)
    data = data_of(recipe)
    for role in ("teacher", "student"):
        budget = Budget.of(recipe, role)
        budget.make_optimizer(1)
        make_augmentation(budget.augmentation, data.image_shape, seed=0, shift=budget.shift)
    _seen(recipe)
    shape, classes = data.image_shape, data.classes
    student = build_model(recipe.student, shape, classes, **recipe.student_options)
    if recipe.teacher_file is not None:
        teacher = _teacher_from_file(recipe, data, student)
    elif recipe.teacher_pretraining is not None:
        teacher = _check_pretraining(recipe, data)
    else:
        teacher = build_model(recipe.teacher, shape, classes, **recipe.teacher_options)
    chain = [teacher, student]
    if recipe.assistant:
        chain.insert(1, build_model(recipe.assistant, shape, classes, **recipe.assistant_options))
    if recipe.generations > 1:
        chain.append(build_model(recipe.student, shape, classes, **recipe.student_options))
    if method.hint is not None:
        _check_hint(recipe, chain)
    return data


def omitted_numbers(recipe: Recipe, data: ImageData) -> list[int]:
    """Returns the numbers of the classes whose images no student sees."""
    if recipe.kept_classes:
        kept = {class_number(data, name) for name in recipe.kept_classes}
        return [number for number in range(data.classes) if number not in kept]
    return sorted({class_number(data, name) for name in recipe.omitted_classes})


def pretraining_of(recipe: Recipe) -> Recipe:
    """Returns the recipe by whose teacher the teacher of `recipe` begins, with the same seed."""
    return get_recipe(recipe.teacher_pretraining).with_seed(recipe.seed)


def members_of(recipe: Recipe) -> list[Recipe]:
    """Returns a recipe for each teacher of an ensemble; no two ensembles share a seed."""
    first = recipe.seed * recipe.teachers
    alone = dataclasses.replace(recipe, teachers=1)
    return [alone.with_seed(first + number) for number in range(recipe.teachers)]


def identity_of(
    role: str,
    recipe: Recipe,
    teacher: str | None = None,
    as_long_as: str | None = None,
    parts: Sequence[str] = (),
) -> dict:
    """Returns everything that a run's result depends on.

    Args:
        role: `"teacher"`, `"student"` or `"distilled"`.
        recipe: the recipe.
        teacher: of a distilled student, the key of its teacher's run.
        as_long_as: the key of the run whose time it may take; see `train_student`.
        parts: of a teacher, the keys of the runs that it is made from; see `train_teacher`.
    """
    data = data_of(recipe)
    common = {"role": role, "data": data.fingerprint}
    if role == "teacher" and recipe.teacher_file is not None:
        return {**common, "file": file_hash(Path(recipe.teacher_file))}
    if role == "teacher" and recipe.teachers > 1:
        return {**common, "members": list(parts)}
    return _without_defaults(common | _training_of(role, recipe, data, teacher, as_long_as, parts))


def _training_of(role, recipe, data, teacher, as_long_as, parts):
    of_teacher = role == "teacher"
    identity = {
        "model": recipe.teacher if of_teacher else recipe.student,
        "options": recipe.teacher_options if of_teacher else recipe.student_options,
        "model_code": code_fingerprint(MODELS[recipe.teacher if of_teacher else recipe.student]),
        "budget": _without_defaults(dataclasses.asdict(Budget.of(recipe, role))),
        "seed": recipe.seed,
        "pretraining": parts[0] if parts else None,
        "as_long_as": as_long_as,
    }
    if not of_teacher:
        identity |= {
            "label_fraction": recipe.label_fraction,
            "omitted_classes": omitted_numbers(recipe, data),
        }
    if role == "distilled":
        identity |= {
            "method": recipe.method,
            "method_options": recipe.method_options,
            "method_code": code_fingerprint(METHODS[recipe.method]),
            "alpha": recipe.alpha,
            "temperature": recipe.temperature,
            "soft_targets": recipe.soft_targets,
            "noise": recipe.noise,
            "noise_kind": recipe.noise_kind if recipe.noise else "uniform",
            "transfer_images": [
                name if name == OWN else _other(name, recipe).fingerprint
                for name in recipe.transfer_images
            ],
            "teacher": teacher,
        }
    return identity


def _without_defaults(identity):
    return {
        name: list(value) if isinstance(value, tuple) else value  # as JSON gives it back
        for name, value in identity.items()
        if name not in _WITHOUT_EFFECT or value != _WITHOUT_EFFECT[name]
    }


def folder_of(role: str, recipe: Recipe, runs: Path, identity: dict) -> Path:
    """Returns where the run of that identity lies, or would lie."""
    kind, seed = (recipe.teacher if role == "teacher" else recipe.student), recipe.seed
    if role == "teacher" and recipe.teachers > 1:
        kind = f"{kind}-ensemble"
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
    return teacher


def _check_hint(recipe, chain):
    """Refuses what a method that matches features cannot have; `chain`: who imitates whom."""
    for name, allowed in (("teachers", 1), ("soft_targets", "own")):
        if (value := getattr(recipe, name)) != allowed:
            raise UserError(
                f"{name} is {value!r}, and must be {allowed!r} with the method {recipe.method!r}, "
                "which matches the features that one teacher has of the same image."
            )
    for teacher, student in itertools.pairwise(chain):
        method = get_method(recipe.method, **recipe.method_options)
        Distiller(teacher=teacher, student=student, method=method)


def _check_pretraining(recipe, data):
    before = pretraining_of(recipe)
    for name in ("teacher", "teacher_options"):
        value, wanted = getattr(recipe, name), getattr(before, name)
        if value != wanted:
            raise UserError(
                f"{name} is {value!r}, and must be {wanted!r}, as in the recipe {before.name!r} of "
                "teacher_pretraining."
            )
    model = build_model(before.teacher, data.image_shape, data.classes, **before.teacher_options)
    require_classifier(model)
    shape = data_of(before).image_shape
    if shape != data.image_shape:
        raise UserError(
            f"The teacher of {before.name} learns on images of shape {shape}, and those of "
            f"{data.name} have shape {data.image_shape}; set image_size to {shape[0]}."
        )
    return with_new_classifier(model, data.classes)

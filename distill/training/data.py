"""The data of a recipe: the split data set, the baseline's images, the transfer set."""

import functools

import keras

from distill.data import (
    AUTO,
    ImageData,
    Split,
    class_number,
    cross_validation_fold,
    hide_labels,
    join,
    labelled,
    load_data,
    mix_noise,
    restrict_classes,
    select_training_classes,
    unlabelled_images,
)
from distill.files import input_size
from distill.models import build_model, model_from_file, with_resizing
from distill.recipes import Recipe
from distill.recipes.recipe import OWN, Student, Teacher

load_data_once = functools.lru_cache(maxsize=3)(load_data)


def data_of(recipe: Recipe) -> ImageData:
    """Returns the recipe's data; with `folds`, the fold that its seed chooses."""
    data, folds = recipe.data, recipe.experiment.folds
    source = data.name, _image_size(recipe), data.unreadable, data.split
    return _split_once(source, data.include, data.exclude, folds, folds and recipe.seed)


def _image_size(recipe):
    """The recipe's, or that of the teacher in a file, or what suits the images."""
    file = recipe.teacher.file
    return recipe.data.image_size or (file and input_size(file)) or AUTO


@functools.lru_cache(maxsize=2)
def _split_once(source, include, exclude, folds, seed):
    data = load_data_once(*source)
    if include or exclude:
        data = restrict_classes(data, include, exclude)
    return cross_validation_fold(data, folds, seed) if folds else data


def forget_data() -> None:
    """Makes the next use of each data set load it again."""
    load_data_once.cache_clear()
    _split_once.cache_clear()


def baseline_set(recipe: Recipe) -> Split:
    """Returns the labelled images on which the recipe's baseline is trained."""
    return labelled(hide_labels(_student_images(recipe), recipe.data.label_fraction))


def transfer_set(recipe: Recipe) -> Split:
    """Returns the images on which the recipe's student is distilled, with the labels it sees."""
    split = hide_labels(clean_transfer_set(recipe), recipe.data.label_fraction)
    return mix_noise(split, recipe.data.noise, recipe.seed, recipe.data.noise_kind)


def clean_transfer_set(recipe: Recipe) -> Split:
    """Returns the transfer set before labels are hidden and noise is mixed in."""
    parts = [
        _student_images(recipe) if data is None else unlabelled_images(data_of(recipe), data)
        for data in _transfer_data(recipe)
    ]
    return parts[0] if len(parts) == 1 else join(parts)


def transfer_fingerprints(recipe: Recipe) -> list[str]:
    """Returns what identifies each part of the transfer set."""
    return [OWN if data is None else data.fingerprint for data in _transfer_data(recipe)]


def _transfer_data(recipe):
    """Yields the data of each part of the transfer set, `None` for the recipe's own."""
    size = data_of(recipe).image_shape[0]
    for name in recipe.data.transfer_images:
        yield None if name == OWN else load_data_once(name, size, recipe.data.unreadable)


def _student_images(recipe):
    """The training images of the classes that a student sees, with all labels."""
    data = recipe.data
    return select_training_classes(data_of(recipe), data.student_exclude, data.student_include)


def omitted_classes(recipe: Recipe) -> list[int]:
    """Returns the numbers of the classes whose training images no student sees."""
    data, chosen = data_of(recipe), recipe.data
    excluded = {class_number(data, name) for name in chosen.student_exclude}
    included = {class_number(data, name) for name in chosen.student_include}
    return sorted(set(range(data.classes)) - included if included else excluded)


def build_architecture(part: Teacher | Student, data: ImageData) -> keras.Model:
    """Builds the model that a recipe's teacher or student names, with its initial weights."""
    shape = data.image_shape
    if isinstance(part, Teacher):
        return build_model(part.model, shape, data.classes, **part.options)
    if part.image_size:
        shape = (part.image_size, part.image_size, shape[-1])
    if part.file:
        model = model_from_file(part.file, shape, data.classes, part.start == "random")
    else:
        model = build_model(part.model, shape, data.classes, **part.options)
    return with_resizing(model, data.image_shape) if part.image_size else model

"""A picture of training images before and after augmentation, to look at before training."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from distill.analysis.figures.images import image_grid
from distill.analysis.figures.style import save_png, short
from distill.data import Split
from distill.data.augmentation import make_augmentation
from distill.errors import UserError
from distill.recipes import Recipe
from distill.runs import Role
from distill.training.data import build_architecture, data_of
from distill.training.spec import make_spec
from distill.training.teachers import source_of

IMAGES, VERSIONS = 6, 7
_AUGMENTING = (
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomZoom,
    keras.layers.RandomTranslation,
    keras.layers.RandomCrop,
    keras.layers.RandomContrast,
    keras.layers.RandomBrightness,
)


def preview_recipe(path: Path, recipe: Recipe, role: str) -> None:
    """Draws images on which a model of a recipe is trained, and their augmented versions.

    Augmentation layers at the beginning of the model are applied too. A `UserError` says that the
    data are not available, an augmentation is unknown, or the PNG file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise UserError(f"The picture's file is {str(path)!r}, and its name must end in .png.")
    spec = make_spec(Role(role), recipe.with_seed(recipe.seed), Path("runs"))
    data, training = data_of(spec.recipe), spec.training
    chosen, versions = augmented_versions(
        spec.split, training.translation, training.augmentation, spec.seed
    )
    inside = _augmenting_layers(spec, data)
    for layer in inside:
        for number in range(VERSIONS):
            versions[:, number] = layer(versions[:, number], training=True)
    names = [data.class_names[label] if label >= 0 else "no label" for label in chosen.labels]
    changes = [f"translation {training.translation}"] if training.translation else []
    changes += training.augmentation
    if inside:
        changes.append(f"in the model {', '.join(layer.name for layer in inside)}")
    title = f"{data.name}: {', '.join(changes) or 'no augmentation'}"
    write_preview(path, chosen.images, versions, title, names)


def _augmenting_layers(spec, data):
    """The first layers of the model that change images in training only."""
    keras.utils.set_random_seed(spec.seed)
    if spec.is_teacher:
        model = source_of(spec.recipe).validate(spec.recipe, data)
    else:
        model = build_architecture(spec.recipe.student, data)
    layers = (layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer))
    return list(itertools.takewhile(lambda layer: isinstance(layer, _AUGMENTING), layers))


def augmented_versions(
    split: Split, translation: int, augmentation: Sequence[str], seed: int
) -> tuple[Split, np.ndarray]:
    """Applies the augmentation of training to a few images, as in the first training steps.

    Returns the images, taken at even distances, and their versions, float32 `(images, 7, height,
    width, channels)`.
    """
    places = np.linspace(0, len(split) - 1, min(IMAGES, len(split))).astype(int)
    chosen = split.take(places)
    augment = make_augmentation(augmentation, split.images.shape[1:], seed, translation=translation)
    images = tf.cast(chosen.images, tf.float32)
    # Mapped as in training, so that the same kernels compute it.
    steps = tf.data.Dataset.range(VERSIONS).map(lambda step: augment(images, step))
    return chosen, np.stack(list(steps.as_numpy_iterator()), axis=1)


def write_preview(
    path: Path, originals: np.ndarray, versions: np.ndarray, title: str, names: Sequence[str]
) -> None:
    """Draws one row for each image: the original above its class name, and its versions.

    `originals` is `(images, height, width, channels)` with values 0 to 255, and `versions` has a
    second axis.
    """
    pixels = np.clip(np.rint(versions), 0, 255).astype("uint8")
    cells = []
    for original, row, name in zip(originals, pixels, names, strict=True):
        cells += [(original, short(name, 16)), *((image, "") for image in row)]
    figure = image_grid(cells, columns=1 + versions.shape[1])
    figure.suptitle(f"{title}\nfirst column: originals", fontsize=10)
    try:
        save_png(figure, path, dpi=120)
    except OSError as error:
        raise UserError(
            f"The picture {path} cannot be written ({error.strerror or error}); give another file "
            "name."
        ) from error

"""A picture of images as a training changes them, to look at before anything is trained."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from distill.budget import Budget
from distill.data import Split
from distill.data.augmentation import make_augmentation
from distill.errors import UserError
from distill.models import build_model
from distill.preparation import data_of, labelled_set, transfer_set
from distill.recipes import Recipe
from distill.report.figures import short
from distill.run_folder import load_model, replacing

IMAGES, VERSIONS = 6, 7
_AUGMENTING = (
    keras.layers.RandomFlip, keras.layers.RandomRotation, keras.layers.RandomZoom,
    keras.layers.RandomTranslation, keras.layers.RandomCrop, keras.layers.RandomContrast,
    keras.layers.RandomBrightness,
)  # fmt: skip


def preview_recipe(path: Path, recipe: Recipe, role: str) -> None:
    """Draws images on which a model of a recipe is trained, and what training makes of them.

    Layers that augment inside the model, before all others, are applied too.

    Args:
        path: PNG file to write.
        recipe: the recipe.
        role: whose images and augmentation: `"teacher"`, `"student"` (from labels), `"distilled"`.

    Raises:
        UserError: the data cannot be had, an augmentation is unknown, or the file cannot be
            written.
    """
    _require_png(path)
    data, budget = data_of(recipe), Budget.of(recipe, role)
    sets = {"student": labelled_set, "distilled": transfer_set}
    split = sets[role](recipe) if role in sets else data.train
    chosen, versions = augmented_versions(split, budget.shift, budget.augmentation, recipe.seed)
    inside = _augmenting_layers(recipe, role, data)
    for number, version in enumerate(np.moveaxis(versions, 1, 0)):
        for layer in inside:
            version = layer(version, training=True)
        versions[:, number] = version
    names = [data.class_names[label] if label >= 0 else "no label" for label in chosen.labels]
    changes = [f"shift {budget.shift}"] * (budget.shift > 0) + list(budget.augmentation)
    if inside:
        changes.append(f"in the model {', '.join(layer.name for layer in inside)}")
    title = f"{data.name}: {', '.join(changes) or 'no augmentation'}"
    write_preview(path, chosen.images, versions, title, names)


def _augmenting_layers(recipe, role, data):
    """The model's first layers, as far as they change images in training only."""
    keras.utils.set_random_seed(recipe.seed)
    name = "teacher" if role == "teacher" else "student"
    if name == "teacher" and recipe.teacher_file is not None:
        model = load_model(recipe.teacher_file)
    else:
        options = getattr(recipe, f"{name}_options")
        model = build_model(getattr(recipe, name), data.image_shape, data.classes, **options)
    layers = (layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer))
    return list(itertools.takewhile(lambda layer: isinstance(layer, _AUGMENTING), layers))


def augmented_versions(
    split: Split, shift: int, augmentation: Sequence[str], seed: int
) -> tuple[Split, np.ndarray]:
    """Applies the augmentation of training to some images, as in its first steps.

    Args:
        split: the images of which some are taken, at even distances.
        shift: as of `distill.data.training_pipeline`.
        augmentation: as of `distill.data.training_pipeline`.
        seed: of the run.

    Returns:
        The images that were taken, at most six, and float32 `(images, 7, height, width,
        channels)`, the versions of each.

    Raises:
        UserError: an augmentation is unknown, or not for these images.
    """
    places = np.linspace(0, len(split) - 1, min(IMAGES, len(split))).astype(int)
    chosen = Split(split.images[places], split.labels[places])
    augment = make_augmentation(augmentation, split.images.shape[1:], seed, shift)
    images = tf.cast(chosen.images, tf.float32)
    # Mapped, as in training, so that the same kernels compute it.
    steps = tf.data.Dataset.range(VERSIONS).map(lambda step: augment(images, step))
    return chosen, np.stack(list(steps.as_numpy_iterator()), axis=1)


def write_preview(
    path: Path,
    originals: np.ndarray,
    versions: np.ndarray,
    title: str,
    class_names: Sequence[str] | None = None,
) -> None:
    """Draws one row for each image: the image as it is, and its augmented versions.

    Args:
        path: PNG file to write.
        originals: `(images, height, width, channels)`, one channel or three, values 0 to 255.
        versions: `(images, versions, height, width, channels)`.
        title: heading of the picture.
        class_names: the name of each image's class.

    Raises:
        UserError: the name does not end in .png, or the file cannot be written.
    """
    _require_png(path)
    rows, columns = versions.shape[0], versions.shape[1] + 1
    height, width = originals.shape[1:3]
    side = 1.1  # inches
    figure = Figure(
        figsize=(side * columns + 0.3, side * rows * height / width * 0.96 + 0.55),
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    # A narrow empty column sets the images themselves apart.
    axes = figure.subplots(
        rows, columns + 1, squeeze=False, width_ratios=[1, 0.08] + [1] * (columns - 1)
    )
    for row in range(rows):
        for axis in axes[row]:
            axis.axis("off")
        for axis, image in zip(
            axes[row, [0, *range(2, columns + 1)]], [originals[row], *versions[row]], strict=True
        ):
            shown = np.clip(np.rint(image), 0, 255).astype("uint8")
            # Three equal channels: a colour map would round gray values.
            shown = np.repeat(shown, 3, axis=-1) if shown.shape[-1] == 1 else shown
            axis.imshow(shown, interpolation="nearest")
        if class_names is not None:
            first, name = axes[row, 0], short(class_names[row], 16)
            first.text(-0.06, 0.5, name, rotation=90, fontsize=8, ha="right", va="center",
                       transform=first.transAxes)  # fmt: skip
    axes[0, 0].set_title("as it is", fontsize=9)
    axes[0, 2].set_title("as augmentation changes it", fontsize=9, loc="left")
    figure.suptitle(title, fontsize=10)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=150)
    except OSError as error:
        raise UserError(
            f"The picture {path} cannot be written ({error.strerror or error}); give the name of "
            "another file."
        ) from error


def _require_png(path):
    if path.suffix.lower() != ".png":
        raise UserError(f"The picture's file is {str(path)!r}, and its name must end in .png.")

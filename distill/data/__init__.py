"""Data sets by name: the built-in digits, any TFDS data set, or a folder of images.

>>> data = load_data("digits")
>>> len(data.train), len(data.validation), len(data.test), data.image_shape
(1294, 144, 359, (8, 8, 1))
"""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.augmentation import AUGMENTATIONS, make_augmentation
from distill.data.dataset import (
    UNLABELLED,
    ImageData,
    Split,
    cross_validation_fold,
    hide_labels,
    join,
    labelled,
    split_off,
    with_splits,
)
from distill.data.digits import load_digits
from distill.data.folder import UNREADABLE, images_in, load_folder
from distill.data.images import AUTO, require_memory, resize, to_array
from distill.data.label_table import LabelTable, load_label_table
from distill.data.pipeline import evaluation_pipeline, training_pipeline, view_pipeline
from distill.data.split_file import read_split, write_split
from distill.data.tfds import load_tfds
from distill.data.transfer import (
    NOISE_KINDS,
    class_number,
    mix_noise,
    restrict_classes,
    select_training_classes,
    shuffle_within_classes,
    unlabelled_images,
)
from distill.errors import UserError

__all__ = [
    "AUGMENTATIONS",
    "AUTO",
    "DATASETS",
    "LARGEST",
    "NOISE_KINDS",
    "SMALLEST",
    "UNLABELLED",
    "ImageData",
    "LabelTable",
    "Split",
    "class_number",
    "cross_validation_fold",
    "evaluation_pipeline",
    "hide_labels",
    "images_in",
    "join",
    "labelled",
    "load_data",
    "load_digits",
    "load_folder",
    "load_label_table",
    "load_tfds",
    "make_augmentation",
    "mix_noise",
    "read_split",
    "resize",
    "restrict_classes",
    "select_training_classes",
    "shuffle_within_classes",
    "split_off",
    "to_array",
    "training_pipeline",
    "unlabelled_images",
    "view_pipeline",
    "with_splits",
    "write_split",
]

DATASETS: dict[str, Callable[[], ImageData]] = {"digits": load_digits}

SMALLEST, LARGEST = 8, 4096


def load_data(
    name: str | PathLike,
    image_size: int | str | None = None,
    unreadable: str = "refuse",
    split: str | PathLike | None = None,
) -> ImageData:
    """Loads a data set into memory.

    Args:
        name: a name in `DATASETS`; or a folder with a subfolder for each class, if the folder
            exists or its name starts with `.`, `/` or `~`; or else the name of a TFDS data set.
        image_size: height and width of the resized images in pixels, 8 to 4096. `None` keeps the
            images as they are, if all have one size. `"auto"` does so for images of one size up to
            128 pixels, and makes all others 96 pixels.
        unreadable: what to do about unreadable files in a folder, `"refuse"` or `"skip"`.
        split: of a folder, a CSV file that says in which split each image is.

    Raises:
        UserError: the data set cannot be found or loaded, or an argument is not allowed.

    Examples:
        >>> load_data("digits", image_size=32).image_shape
        (32, 32, 1)
    """
    if unreadable not in UNREADABLE:
        raise UserError(f"unreadable={unreadable!r} is not allowed: give 'refuse' or 'skip'.")
    is_size = isinstance(image_size, int) and SMALLEST <= image_size <= LARGEST
    if image_size not in (None, AUTO) and not is_size:
        raise UserError(
            f"image_size={image_size!r} is not allowed: give a whole number of pixels, {SMALLEST} "
            f"to {LARGEST}, 'auto' or None."
        )
    name = fspath(name)
    path = Path(name).expanduser()
    is_folder = path.is_dir() or path.is_absolute() or name.startswith((".", "~"))
    if split is not None and (name in DATASETS or not is_folder):
        raise UserError(
            f"The split file {fspath(split)} is given for {name!r}, and only folders of images "
            "take one; leave it out."
        )
    if name in DATASETS:
        return _resized(DATASETS[name](), None if isinstance(image_size, str) else image_size)
    if name and is_folder:
        return load_folder(path, image_size, unreadable, split)
    return load_tfds(name, image_size)


def _resized(data: ImageData, image_size: int | None) -> ImageData:
    if image_size is None or data.image_shape[:2] == (image_size, image_size):
        return data
    splits: dict[str, Any] = data.splits
    examples = sum(len(split) for split in splits.values())
    require_memory(examples, (image_size, image_size, data.image_shape[-1]))
    for key, split in splits.items():
        # In pieces, because TensorFlow needs four bytes for each value while it resizes.
        pieces = np.array_split(split.images, -(-len(split) // 256))
        images = np.concatenate([resize(piece, image_size).numpy() for piece in pieces])
        splits[key] = replace(split, images=images)
    return replace(data, **splits)

"""Transfer sets: the images on which a student learns, where they are not the training images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from distill.data.dataset import UNLABELLED, ImageData, Split
from distill.errors import UserError, check_number


def class_number(data: ImageData, name: str) -> int:
    """Returns the number of a class that is given by its name or its number.

    Raises:
        UserError: the set has no such class.
    """
    if name in data.class_names:
        return data.class_names.index(name)
    if name.isdecimal() and int(name) < data.classes:
        return int(name)
    shown = ", ".join(data.class_names[:12]) + (", …" if data.classes > 12 else "")
    raise UserError(f"{data.name} has no class {name!r}; its classes are {shown}.")


def omit_classes(data: ImageData, names: Sequence[str]) -> Split:
    """Returns the training images without those of some classes.

    Args:
        data: the set, which is not changed.
        names: names or numbers of the classes.

    Returns:
        The training images of the other classes, in their order.

    Raises:
        UserError: there is no such class, or nothing would be left.

    Example:

    >>> from distill.data.digits import load_digits
    >>> data = load_digits()
    >>> len(data.train), len(omit_classes(data, ["3"]))
    (1294, 1163)
    """
    if not names:
        return data.train
    omitted = [class_number(data, name) for name in names]
    kept = ~np.isin(data.train.labels, omitted)
    if not kept.any():
        raise UserError(f"Without the classes {', '.join(names)} no training image is left.")
    return Split(data.train.images[kept], data.train.labels[kept])


def mix_noise(split: Split, share: float, seed: int) -> Split:
    """Mixes uniform noise into every image: `(1 − share) · image + share · noise`.

    Args:
        split: the images, which are not changed.
        share: 0 to 1. With 1 nothing of the images is left, and no example keeps its label.
        seed: another seed gives other noise.

    Returns:
        As many images; values are rounded to whole numbers from 0 to 255.

    Raises:
        UserError: the share is out of range.
    """
    check_number("noise", share, "between 0 and 1", least=0, most=1)
    if share == 0:
        return split
    random = np.random.default_rng(seed)
    images = np.empty_like(split.images)
    for index, image in enumerate(split.images):  # one at a time: noise of all would fill memory
        noise = random.integers(0, 256, image.shape, dtype=np.uint8)
        images[index] = np.rint((1 - share) * image + share * noise)
    mixed = replace(split, images=images)
    return replace(mixed, labels=np.full_like(split.labels, UNLABELLED)) if share == 1 else mixed


def shuffle_within_classes(labels: np.ndarray, seed: int) -> np.ndarray:
    """Gives every example another example of its own class.

    Args:
        labels: int array `(examples,)`.
        seed: another seed gives another order.

    Returns:
        int array `(examples,)`: a permutation; no example keeps its place unless it is the only
        one of its class.
    """
    partner = np.arange(len(labels))
    for label in np.unique(labels):
        members = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
        partner[members] = np.roll(members, 1)
    return partner

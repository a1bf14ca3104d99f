"""Transfer sets: the images on which a student learns, if they are not the training images."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from distill.data.dataset import UNLABELLED, ImageData, Split
from distill.data.images import resize
from distill.errors import UserError, check_number


def class_number(data: ImageData, name: str) -> int:
    """Returns the number of a class, given its name or else its number in decimal digits.

    Raises:
        UserError: the data set has no such class.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> class_number(load_digits(), "7")
        7
    """
    if name in data.class_names:
        return data.class_names.index(name)
    if name.isdecimal() and int(name) < data.classes:
        return int(name)
    shown = ", ".join(data.class_names[:12]) + (", …" if data.classes > 12 else "")
    raise UserError(f"{data.name} has no class {name!r}: choose among its classes, {shown}.")


def restrict_classes(
    data: ImageData, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> ImageData:
    """Returns a data set of some classes only, renumbered in their order.

    Args:
        data: the data set. The function does not change it.
        include: names or numbers of the classes to keep; or
        exclude: names or numbers of the classes to remove, such as clutter. Give one of the two.

    Raises:
        UserError: the data set has no such class, both arguments are given, or fewer than two
            classes remain.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> restrict_classes(load_digits(), include=["7", "8"]).class_names
        ('7', '8')
    """
    _require_one("data set", include, exclude)
    named = {class_number(data, name) for name in include or exclude}
    numbers = [number for number in range(data.classes) if (number in named) == bool(include)]
    if len(numbers) < 2:
        classes = f"{len(numbers) or 'no'} class{'' if len(numbers) == 1 else 'es'}"
        raise UserError(
            f"The data set {data.name} would have {classes} left, and a classifier needs 2 or more:"
            " include more classes, or exclude fewer."
        )
    new = np.full(data.classes, UNLABELLED, np.int32)
    new[numbers] = np.arange(len(numbers))
    splits: dict[str, Any] = {}
    for name, split in data.splits.items():
        kept = split.take(np.isin(split.labels, numbers))
        splits[name] = replace(kept, labels=new[kept.labels])
    return replace(data, class_names=tuple(data.class_names[n] for n in numbers), **splits)


def select_training_classes(
    data: ImageData, exclude: Sequence[str] = (), include: Sequence[str] = ()
) -> Split:
    """Returns the training images of the classes that a student sees.

    The labels keep their numbers: the student still has an output for each class.

    Args:
        data: the data set. The function does not change it.
        exclude: names or numbers of the classes that the student does not see; or
        include: names or numbers of the only classes that it sees. Give one of the two, or neither
            for all training images.

    Raises:
        UserError: the data set has no such class, both arguments are given, or no image remains.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> data = load_digits()
        >>> without_3 = select_training_classes(data, exclude=["3"])
        >>> only_7_and_8 = select_training_classes(data, include=["7", "8"])
        >>> len(data.train), len(without_3), len(only_7_and_8)
        (1294, 1163, 254)
    """
    _require_one("student", include, exclude)
    if not (include or exclude):
        return data.train
    numbers = [class_number(data, name) for name in include or exclude]
    chosen = np.isin(data.train.labels, numbers, invert=not include)
    if not chosen.any():
        which = f"include={', '.join(include)}" if include else f"exclude={', '.join(exclude)}"
        raise UserError(
            f"The student would see no training image of {data.name} with {which}: choose other "
            "classes."
        )
    return data.train.take(chosen)


def _require_one(of: str, include: Sequence[str], exclude: Sequence[str]) -> None:
    if include and exclude:
        raise UserError(
            f"The {of} has classes to include ({', '.join(include)}) and classes to exclude "
            f"({', '.join(exclude)}): give one of the two lists."
        )


def unlabelled_images(data: ImageData, source: ImageData) -> Split:
    """Returns the training images of another data set, in the format of `data`, without labels.

    Args:
        data: the data set that determines image size and channels.
        source: the data set that provides its training images. Grayscale images become RGB, and
            RGB images grayscale, where `data` needs that.

    Raises:
        UserError: the images of `data` are not square, or the channels of `source` cannot be
            converted.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> digits = load_digits()
        >>> set(unlabelled_images(digits, digits).labels.tolist())
        {-1}
    """
    height, width, channels = data.image_shape
    if height != width:
        raise UserError(
            f"The images of {data.name} are {height}×{width}, and those of another data set can "
            "only become square: give an image_size."
        )
    images = source.train.images
    convert = {(1, 3): tf.image.grayscale_to_rgb, (3, 1): tf.image.rgb_to_grayscale}
    if images.shape[-1] != channels and (images.shape[-1], channels) not in convert:
        raise UserError(
            f"The images of {source.name} have {images.shape[-1]} channels and those of "
            f"{data.name} have {channels}: choose a data set with as many channels, or two data "
            "sets with 1 or 3."
        )
    pieces = []
    for piece in np.array_split(images, -(-len(images) // 256)):  # resizing takes memory
        if piece.shape[1:3] != (height, width):
            piece = resize(piece, height)
        if piece.shape[-1] != channels:
            piece = convert[piece.shape[-1], channels](piece)
        pieces.append(np.asarray(piece))
    images = np.concatenate(pieces)
    return Split(images, np.full(len(images), UNLABELLED, np.int32))


def mix_noise(split: Split, share: float, seed: int, kind: str = "uniform") -> Split:
    """Mixes noise into every image: `(1 − share) · image + share · noise`.

    Args:
        split: the images. The function does not change them.
        share: 0 to 1. At 1 only noise remains, and every example becomes unlabelled.
        seed: another seed gives other noise.
        kind: a name in `NOISE_KINDS`.

    Raises:
        UserError: the share is out of range, or the kind is unknown.

    Examples:
        >>> white = Split(np.full((1, 1, 3, 1), 255, np.uint8), np.zeros(1, np.int32))
        >>> mix_noise(white, 0.5, seed=0).images.ravel()
        array([175, 192, 224], dtype=uint8)
    """
    check_number("noise", share, "between 0 and 1", least=0, most=1)
    if kind not in NOISE_KINDS:
        raise UserError(f"Unknown noise {kind!r}; use one of {', '.join(NOISE_KINDS)}.")
    if share == 0:
        return split
    random = np.random.default_rng(seed)
    images = np.empty_like(split.images)
    for index, image in enumerate(split.images):  # one at a time, to save memory
        noise = NOISE_KINDS[kind](split.images, random)
        images[index] = np.rint((1 - share) * image + share * noise)
    mixed = replace(split, images=images)
    return replace(mixed, labels=np.full_like(split.labels, UNLABELLED)) if share == 1 else mixed


def _uniform(images, random):
    """Draws each value independently and uniformly."""
    return random.integers(0, 256, images.shape[1:], dtype=np.uint8)


def _smoothed(images, random):
    """Smooths uniform noise by a Gaussian of 1/14 of the height, then stretches it to 0 to 255."""
    sigma = images.shape[1] / 14
    smooth = gaussian_filter(random.random(images.shape[1:], "float32"), (sigma, sigma, 0))
    smooth -= smooth.min()
    return smooth * (255 / max(smooth.max(), 1e-6))


def _pixels(images, random):
    """Takes each pixel from the same position of a random image: real values, but no shapes."""
    height, width = images.shape[1:3]
    which = random.integers(0, len(images), (height, width))
    return images[which, np.arange(height)[:, None], np.arange(width)]


def _mixture(images, random):
    """Mixes four images with weights that sum to 1, from a flat Dirichlet distribution."""
    which, weights = random.integers(0, len(images), 4), random.dirichlet(np.ones(4))
    return np.tensordot(weights, images[which].astype("float64"), 1)


NOISE_KINDS = {"uniform": _uniform, "smoothed": _smoothed, "pixels": _pixels, "mixture": _mixture}


def shuffle_within_classes(labels: np.ndarray, seed: int) -> np.ndarray:
    """Gives every example another example of its own class.

    Returns:
        int array `(examples,)`: for each example the position of the other one, a permutation.
        Only an example that is alone in its class is given itself.

    Examples:
        >>> shuffle_within_classes(np.array([0, 1, 0, 1, 2]), seed=0)
        array([2, 3, 0, 1, 4])
    """
    partner = np.arange(len(labels))
    for label in np.unique(labels):
        members = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
        partner[members] = np.roll(members, 1)
    return partner

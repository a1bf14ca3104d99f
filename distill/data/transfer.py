"""Transfer sets: the images on which a student learns, where they are not the training images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from distill.data.dataset import UNLABELLED, ImageData, Split
from distill.data.images import resize
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


def restrict_classes(
    data: ImageData, kept: Sequence[str] = (), dropped: Sequence[str] = ()
) -> ImageData:
    """Returns a set of some classes only, numbered anew in their order.

    Args:
        data: the set, which is not changed.
        kept: names or numbers of the classes that it keeps; or
        dropped: of those that it loses, such as clutter.

    Returns:
        The set, with fewer images in each split.

    Raises:
        UserError: there is no such class, both are given, or fewer than two are left.

    Example:

    >>> from distill.data.digits import load_digits
    >>> restrict_classes(load_digits(), kept=["7", "8"]).class_names
    ('7', '8')
    """
    if kept and dropped:
        raise UserError(
            f"Classes to keep ({', '.join(kept)}) and classes to drop ({', '.join(dropped)}) are "
            "both given; give one of them."
        )
    named = {class_number(data, name) for name in kept or dropped}
    numbers = [number for number in range(data.classes) if (number in named) == bool(kept)]
    if len(numbers) < 2:
        raise UserError(
            f"Of {data.name} {len(numbers) or 'no'} class would be left; a classifier needs 2 or "
            "more: keep more, or drop fewer."
        )
    new = np.full(data.classes, UNLABELLED, np.int32)
    new[numbers] = np.arange(len(numbers))
    splits = {}
    for name in ("train", "validation", "test"):
        split = getattr(data, name)
        chosen = np.isin(split.labels, numbers)
        splits[name] = Split(split.images[chosen], new[split.labels[chosen]])
    return replace(data, class_names=tuple(data.class_names[n] for n in numbers), **splits)


def omit_classes(data: ImageData, names: Sequence[str], kept: Sequence[str] = ()) -> Split:
    """Returns the training images without those of some classes, or of some classes only.

    Args:
        data: the set, which is not changed.
        names: names or numbers of the classes that are left out.
        kept: names or numbers of the only classes that are not; give one of both.

    Returns:
        The training images of the other classes, in their order.

    Raises:
        UserError: there is no such class, both are given, or nothing would be left.

    Example:

    >>> from distill.data.digits import load_digits
    >>> data = load_digits()
    >>> len(data.train), len(omit_classes(data, ["3"])), len(omit_classes(data, [], ["7", "8"]))
    (1294, 1163, 254)
    """
    if names and kept:
        raise UserError(
            f"Classes to leave out ({', '.join(names)}) and classes to keep ({', '.join(kept)}) "
            "are both given; give one of them."
        )
    if not (names or kept):
        return data.train
    numbers = [class_number(data, name) for name in names or kept]
    chosen = np.isin(data.train.labels, numbers, invert=not kept)
    if not chosen.any():
        chosen = f"With the classes {', '.join(kept)} alone" if kept else (
            f"Without the classes {', '.join(names)}")  # fmt: skip
        raise UserError(f"{chosen} no training image of {data.name} is left; choose others.")
    return Split(data.train.images[chosen], data.train.labels[chosen])


def foreign_images(data: ImageData, other: ImageData) -> Split:
    """Returns the training images of another set, made like those of `data`, without labels.

    Args:
        data: the set whose image size and channels are taken.
        other: the set whose training images are taken; gray ones become RGB and RGB ones gray.

    Returns:
        Its images, none of which has a label.

    Raises:
        UserError: the images of `data` are not square, or those of `other` have a number of
            channels that cannot be turned into theirs.

    Example:

    >>> from distill.data.digits import load_digits
    >>> digits = load_digits()
    >>> set(foreign_images(digits, digits).labels.tolist())
    {-1}
    """
    height, width, channels = data.image_shape
    if height != width:
        raise UserError(
            f"Images of another set cannot be made {height}×{width}: give an image_size."
        )
    images = other.train.images
    convert = {(1, 3): tf.image.grayscale_to_rgb, (3, 1): tf.image.rgb_to_grayscale}
    if images.shape[-1] != channels and (images.shape[-1], channels) not in convert:
        raise UserError(
            f"Images of {other.name} have {images.shape[-1]} channels and those of {data.name} "
            f"{channels}; choose sets of 1 or 3 channels, or of as many."
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
        split: the images, which are not changed.
        share: 0 to 1. With 1 nothing of the images is left, and no example keeps its label.
        seed: another seed gives other noise.
        kind: a name in `NOISE_KINDS`.

    Returns:
        As many images; values are rounded to whole numbers from 0 to 255.

    Raises:
        UserError: the share is out of range, or the kind unknown.
    """
    check_number("noise", share, "between 0 and 1", least=0, most=1)
    if kind not in NOISE_KINDS:
        raise UserError(f"Unknown noise {kind!r}; use one of {', '.join(NOISE_KINDS)}.")
    if share == 0:
        return split
    random = np.random.default_rng(seed)
    images = np.empty_like(split.images)
    for index, image in enumerate(split.images):  # one at a time: noise of all would fill memory
        noise = NOISE_KINDS[kind](split.images, random)
        images[index] = np.rint((1 - share) * image + share * noise)
    mixed = replace(split, images=images)
    return replace(mixed, labels=np.full_like(split.labels, UNLABELLED)) if share == 1 else mixed


def _uniform(images, random):
    """Every pixel on its own, every value equally probable."""
    return random.integers(0, 256, images.shape[1:], dtype=np.uint8)


def _smoothed(images, random):
    """Uniform noise smoothed by a Gaussian of 1/14 of the height, then stretched to 0 to 255."""
    sigma = images.shape[1] / 14
    smooth = gaussian_filter(random.random(images.shape[1:], "float32"), (sigma, sigma, 0))
    smooth -= smooth.min()
    return smooth * (255 / max(smooth.max(), 1e-6))


def _pixels(images, random):
    """Every pixel from the same place of some image: right values, but no shapes."""
    height, width = images.shape[1:3]
    which = random.integers(0, len(images), (height, width))
    return images[which, np.arange(height)[:, None], np.arange(width)]


def _mixture(images, random):
    """Four images, mixed with weights drawn evenly from all that add up to 1 (Dirichlet)."""
    which, weights = random.integers(0, len(images), 4), random.dirichlet(np.ones(4))
    return np.tensordot(weights, images[which].astype("float64"), 1)


NOISE_KINDS = {"uniform": _uniform, "smoothed": _smoothed, "pixels": _pixels, "mixture": _mixture}


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

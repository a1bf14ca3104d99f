"""Images with labels, in memory, and the index operations that split them and hide labels.

Every split depends on the data and a constant seed only, so that a teacher, its students and every
training seed see the same examples.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from distill.errors import UserError

UNLABELLED = -1
TEST_FRACTION = 0.2  # of all examples, where a set brings no test split
VALIDATION_FRACTION = 0.1  # of the training examples that are left


@dataclass(frozen=True, eq=False)
class Split:
    """Some examples: images and their labels.

    Args:
        images: uint8, shape `(examples, height, width, channels)`, values 0 to 255.
        labels: int32, shape `(examples,)`; `UNLABELLED` where an example has no label.

    Raises:
        UserError: when the arrays have another type or shape.

    Example:

    >>> import numpy as np
    >>> len(Split(np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 1, UNLABELLED], np.int32)))
    3
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise UserError(
                f"Images of type {self.images.dtype} and shape {self.images.shape} do not make a "
                "split: give uint8 images of shape (examples, height, width, channels)."
            )
        if self.labels.dtype != np.int32 or self.labels.shape != self.images.shape[:1]:
            raise UserError(
                f"Labels of type {self.labels.dtype} and shape {self.labels.shape} do not fit "
                f"{len(self.images)} images: give one int32 label for each image."
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageData:
    """An image-classification set, split for training, selection and the final test.

    Args:
        name: what the set is called in tables and run folders.
        class_names: one name for each label, in the order of the labels.
        train: what models are trained on.
        validation: what a model is selected on; never trained on.
        test: what is looked at once, at the end.
        skipped: names of unreadable files that were left out.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    skipped: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.images.shape[1:]

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of all pixels, labels and class names.

        A trained teacher is found again by it: one changed pixel makes another set.
        """
        digest = hashlib.blake2b(repr(self.class_names).encode(), digest_size=8)
        for split in (self.train, self.validation, self.test):
            for array in (split.images, split.labels):
                digest.update(repr((array.shape, array.dtype.str)).encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def split_off(split: Split, fraction: float, seed: int = 0) -> tuple[Split, Split]:
    """Takes a part away, with the same share of every class, the same part every time.

    Args:
        split: the examples; both results keep their order.
        fraction: the share to take away, between 0 and 1 (exclusive).
        seed: another seed gives another part.

    Returns:
        What is left, and the part: `(rest, part)`.

    Raises:
        UserError: when the fraction is out of range or a class has too few examples.

    Example:

    >>> from distill.data.digits import load_digits
    >>> rest, part = split_off(load_digits().train, 0.5)
    >>> len(rest), len(part)
    (647, 647)
    """
    if not 0 < fraction < 1:
        raise UserError(
            f"A fraction of {fraction} cannot be split off: give a number between 0 and 1."
        )
    present, counts = np.unique(split.labels, return_counts=True)
    if len(split) == 0:
        raise UserError("A set without examples cannot be split: give at least 2 of each class.")
    if counts.min() < 2:
        raise UserError(
            f"Class {present[counts.argmin()]} has {counts.min()} example, too few to be split: "
            "give at least 2 examples of each class."
        )
    size = round(fraction * len(split))
    if min(size, len(split) - size) < len(present):
        needed = int(np.ceil(len(present) / min(fraction, 1 - fraction)))
        raise UserError(
            f"{fraction:.0%} of {len(split)} examples is {size}, too few to split {len(present)} "
            f"classes: give at least {needed} examples or another fraction."
        )
    rest, part = train_test_split(
        np.arange(len(split)), test_size=size, random_state=seed, stratify=split.labels
    )
    return _take(split, np.sort(rest)), _take(split, np.sort(part))


def hide_labels(split: Split, fraction: float, seed: int = 0) -> Split:
    """Keeps the labels of a share of each class and makes all other examples unlabelled.

    With one seed, the labels that a smaller fraction keeps are among those of a larger one.

    Args:
        split: the examples; the images are shared with the result, not copied.
        fraction: the share that stays labelled, above 0, up to 1; at least one example of each
            class stays labelled.
        seed: another seed keeps other labels.

    Returns:
        The same examples with fewer labels.

    Raises:
        UserError: when the fraction is out of range.

    Example:

    >>> from distill.data.digits import load_digits
    >>> train = load_digits().train
    >>> len(train), len(labelled(hide_labels(train, 0.1)))
    (1294, 129)
    """
    if not 0 < fraction <= 1:
        raise UserError(
            f"Labels cannot be kept on a fraction of {fraction}: give a number above 0, up to 1."
        )
    labels = np.full_like(split.labels, UNLABELLED)
    for label in np.unique(split.labels[split.labels != UNLABELLED]):
        members = np.random.default_rng([seed, label]).permutation(
            np.flatnonzero(split.labels == label)
        )
        labels[members[: max(1, round(fraction * len(members)))]] = label
    return Split(split.images, labels)


def labelled(split: Split) -> Split:
    """Returns only the examples that have a label, in their order."""
    return _take(split, np.flatnonzero(split.labels != UNLABELLED))


def with_splits(
    name: str,
    class_names: Sequence[str],
    train: Split,
    test: Split | None = None,
    skipped: Sequence[str] = (),
) -> ImageData:
    """Makes a set of the examples that it brings; what it does not bring is split off.

    Args:
        name: what the set is called.
        class_names: one name for each label.
        train: the training examples; 10 % of them become the validation split.
        test: the test examples; where there are none, 20 % of `train` is split off first.
        skipped: names of unreadable files that were left out.

    Returns:
        The set with its three splits.

    Raises:
        UserError: when there are too few examples to split.
    """
    if test is None:
        train, test = split_off(train, TEST_FRACTION)
    train, validation = split_off(train, VALIDATION_FRACTION)
    return ImageData(name, tuple(class_names), train, validation, test, tuple(skipped))


def cross_validation_fold(data: ImageData, folds: int, number: int) -> ImageData:
    """Splits all images of a set anew, for cross-validation.

    Args:
        data: the set; its training, validation and test images are put together.
        folds: number of parts, each with the same share of every class.
        number: part `number % folds` is the test set; `number // folds` counts the repetitions,
            each of which cuts the parts anew.

    Returns:
        The set with that test set; 10 % of the rest are for validation.

    Raises:
        UserError: a class has fewer images than there are folds.

    Example:

    >>> from distill.data.digits import load_digits
    >>> fold = cross_validation_fold(load_digits(), folds=5, number=0)
    >>> len(fold.train), len(fold.validation), len(fold.test)
    (1293, 144, 360)
    """
    splits = (data.train, data.validation, data.test)
    images = np.concatenate([split.images for split in splits])
    everything = Split(images, np.concatenate([split.labels for split in splits]))
    fewest = np.bincount(everything.labels).min()
    if not 2 <= folds <= fewest:
        raise UserError(
            f"{data.name} cannot be cut into {folds} folds: give 2 to {fewest}, the number of "
            "images in its smallest class."
        )
    repetition, part = divmod(number, folds)
    parts = StratifiedKFold(folds, shuffle=True, random_state=repetition)
    rest, test = list(parts.split(everything.labels, everything.labels))[part]
    return with_splits(
        data.name, data.class_names, _take(everything, rest), _take(everything, test), data.skipped
    )


def _take(split: Split, indices: np.ndarray) -> Split:
    return Split(split.images[indices], split.labels[indices])

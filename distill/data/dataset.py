"""Images with labels in memory, and the functions that split them and hide labels.

A split depends on the data and a constant seed only. A teacher, its students and all training seeds
therefore use the same examples.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from distill.errors import UserError

UNLABELLED = -1
TEST_FRACTION = 0.2  # of all examples, if a data set has no test split
VALIDATION_FRACTION = 0.1  # of the remaining training examples


@dataclass(frozen=True, eq=False)
class Split:
    """Examples: images and their labels.

    Args:
        images: uint8, shape `(examples, height, width, channels)`, values 0 to 255.
        labels: int32, shape `(examples,)`; `UNLABELLED` for an example without a label.
        ids: text, shape `(examples,)`, or `None`: what names an example outside this program, such
            as the path of its file in the folder.

    Raises:
        UserError: the arrays have another type or shape.

    Examples:
        >>> import numpy as np
        >>> len(Split(np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 1, UNLABELLED], np.int32)))
        3
    """

    images: np.ndarray
    labels: np.ndarray
    ids: np.ndarray | None = None

    def __post_init__(self):
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise UserError(
                f"Images of type {self.images.dtype} and shape {self.images.shape} cannot make a "
                "split: give uint8 images of shape (examples, height, width, channels)."
            )
        if self.labels.dtype != np.int32 or self.labels.shape != self.images.shape[:1]:
            raise UserError(
                f"Labels of type {self.labels.dtype} and shape {self.labels.shape} do not match "
                f"{len(self.images)} images: give one int32 label for each image."
            )
        if self.ids is not None and len(self.ids) != len(self.images):
            raise UserError(
                f"{len(self.ids)} ids do not match {len(self.images)} images: give one for each."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: np.ndarray) -> "Split":
        """Returns the examples with these indices, or those at which a mask is true."""
        ids = None if self.ids is None else self.ids[chosen]
        return Split(self.images[chosen], self.labels[chosen], ids)

    def numbered(self, name: str) -> "Split":
        """Returns the split with ids: its own, or `NAME/0`, `NAME/1` and so on."""
        if self.ids is not None:
            return self
        return replace(self, ids=np.array([f"{name}/{number}" for number in range(len(self))]))


def join(splits: Sequence[Split]) -> Split:
    """Returns the examples of several splits; they have ids if all of the splits have."""
    ids = [split.ids for split in splits if split.ids is not None]
    return Split(
        np.concatenate([split.images for split in splits]),
        np.concatenate([split.labels for split in splits]),
        np.concatenate(ids) if len(ids) == len(splits) else None,
    )


@dataclass(frozen=True, eq=False)
class ImageData:
    """An image-classification data set, split for training, selection and the final test.

    Args:
        name: the name in tables and run folders.
        class_names: one name for each label, in the order of the labels.
        train: the examples for training.
        validation: the examples for choosing a model or a setting, never for training.
        test: the examples for one final evaluation.
        skipped: names of unreadable files, which the data set does not contain.
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

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all pixels, labels and class names, 16 hexadecimal digits.

        It is part of a run's identity: one changed pixel makes another data set.
        """
        digest = hashlib.blake2b(repr(self.class_names).encode(), digest_size=8)
        for split in self.splits.values():
            for array in (split.images, split.labels):
                digest.update(repr((array.shape, array.dtype.str)).encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def split_off(split: Split, fraction: float, seed: int = 0) -> tuple[Split, Split]:
    """Splits off a stratified part: the same fraction of every class, the same examples each time.

    Returns `(rest, part)`.

    Args:
        split: the examples. Both results keep their order.
        fraction: the fraction to split off, between 0 and 1 (exclusive).
        seed: another seed gives another part.

    Raises:
        UserError: the fraction is out of range, or a class has too few examples.

    Examples:
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
        raise UserError("A split without examples cannot be split: give at least 2 of each class.")
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
    return split.take(np.sort(rest)), split.take(np.sort(part))


def hide_labels(split: Split, fraction: float, seed: int = 0) -> Split:
    """Keeps the labels of a fraction of each class and makes all other examples unlabelled.

    With the same seed, a larger fraction keeps all labels that a smaller one keeps.

    Args:
        split: the examples. The result shares their images.
        fraction: the fraction of labels to keep, above 0, up to 1. At least one example of each
            class keeps its label.
        seed: another seed keeps other labels.

    Raises:
        UserError: the fraction is out of range.

    Examples:
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
    return replace(split, labels=labels)


def labelled(split: Split) -> Split:
    """Returns the labelled examples of a split, in their order."""
    return split.take(np.flatnonzero(split.labels != UNLABELLED))


def with_splits(
    name: str,
    class_names: Sequence[str],
    train: Split,
    test: Split | None = None,
    skipped: Sequence[str] = (),
    validation: Split | None = None,
) -> ImageData:
    """Makes a data set with three splits from training examples and, if there are any, test ones.

    Examples without ids get some: `train/0`, `train/1`, …, before anything is split off.

    Args:
        name: the data set's name.
        class_names: one name for each label.
        train: the training examples.
        test: the test examples. Without any, 20 % of `train` is split off first.
        skipped: names of unreadable files, which the data set does not contain.
        validation: the validation examples. Without any, 10 % of `train` is split off.
    """
    train, test = train.numbered("train"), test and test.numbered("test")
    validation = validation and validation.numbered("validation")
    if test is None:
        train, test = split_off(train, TEST_FRACTION)
    if validation is None:
        train, validation = split_off(train, VALIDATION_FRACTION)
    return ImageData(name, tuple(class_names), train, validation, test, tuple(skipped))


def cross_validation_fold(data: ImageData, folds: int, number: int) -> ImageData:
    """Splits all images of a data set again, for stratified cross-validation.

    Args:
        data: the data set. Its training, validation and test images are pooled.
        folds: number of folds, at least 2, each with the same fraction of every class.
        number: fold `number % folds` becomes the test split. `number // folds` is the repetition;
            each repetition draws other folds.

    Raises:
        UserError: a class has fewer images than there are folds.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> fold = cross_validation_fold(load_digits(), folds=5, number=0)
        >>> len(fold.train), len(fold.validation), len(fold.test)
        (1293, 144, 360)
    """
    everything = join([*data.splits.values()])
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
        data.name, data.class_names, everything.take(rest), everything.take(test), data.skipped
    )

"""Splits, hidden labels and fingerprints, on small arrays whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

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
from distill.errors import UserError


def make_split(counts=(50, 30, 20), seed=0):
    """Shuffled examples, `counts[label]` of each label; the pixels tell the examples apart."""
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    labels = np.random.default_rng(seed).permutation(labels)
    numbers = np.arange(len(labels))
    images = np.stack([numbers // 256, numbers % 256], axis=-1).astype(np.uint8)
    return Split(images.reshape(-1, 1, 2, 1), labels)


def numbers_of(split):
    return split.images[:, 0, 0, 0].astype(int) * 256 + split.images[:, 0, 1, 0]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
def test_split_off_is_disjoint_complete_ordered_and_stratified(fraction):
    counts = (130, 57, 313)
    whole = make_split(counts)
    rest, part = split_off(whole, fraction)
    assert len(part) == round(fraction * 500)
    assert sorted([*numbers_of(rest), *numbers_of(part)]) == list(range(500))
    for piece in (rest, part):
        assert np.all(np.diff(numbers_of(piece)) > 0)
        np.testing.assert_array_equal(piece.labels, whole.labels[numbers_of(piece)])
    expected = fraction * np.array(counts)
    assert np.all(np.abs(np.bincount(part.labels) - expected) <= 1)


def test_split_off_is_the_same_twice_and_differs_by_seed():
    whole = make_split()
    first, again, other = (numbers_of(split_off(whole, 0.2, seed)[1]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_split_off_needs_two_of_each_class():
    with pytest.raises(UserError, match=r"Class 2 has 1 example.*at least 2 examples"):
        split_off(make_split((9, 9, 1)), 0.5)


def test_split_off_needs_one_example_of_each_class_in_the_part():
    with pytest.raises(UserError, match=r"10% of 20 examples is 2.*3 classes.*at least 30"):
        split_off(make_split((8, 6, 6)), 0.1)


def test_split_off_refuses_an_empty_split():
    with pytest.raises(UserError, match="without examples"):
        split_off(make_split((0,)), 0.5)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_split_off_refuses_fractions_out_of_range(fraction):
    with pytest.raises(UserError, match="between 0 and 1"):
        split_off(make_split(), fraction)


def test_hide_labels_keeps_its_share_of_each_class():
    whole = make_split((50, 30, 20))
    hidden = hide_labels(whole, 0.1)
    kept = hidden.labels != UNLABELLED
    assert np.bincount(hidden.labels[kept]).tolist() == [5, 3, 2]
    np.testing.assert_array_equal(hidden.labels[kept], whole.labels[kept])
    assert hidden.images is whole.images
    assert hidden.labels.dtype == np.int32


def test_hide_labels_keeps_at_least_one_of_each_class():
    hidden = hide_labels(make_split((50, 30, 20)), 0.001)
    assert sorted(hidden.labels[hidden.labels != UNLABELLED]) == [0, 1, 2]


def test_hide_labels_is_repeatable_and_nested():
    whole = make_split()
    few, again, more, other = (
        set(np.flatnonzero(hide_labels(whole, fraction, seed).labels != UNLABELLED))
        for fraction, seed in [(0.1, 0), (0.1, 0), (0.4, 0), (0.1, 1)]
    )
    assert few == again
    assert few < more
    assert few != other


def test_hide_labels_keeps_everything_at_one():
    whole = make_split()
    np.testing.assert_array_equal(hide_labels(whole, 1).labels, whole.labels)


@pytest.mark.parametrize("fraction", [0, -1, 1.01])
def test_hide_labels_refuses_fractions_out_of_range(fraction):
    with pytest.raises(UserError, match="above 0, up to 1"):
        hide_labels(make_split(), fraction)


def test_labelled_returns_the_examples_with_a_label():
    hidden = hide_labels(make_split(), 0.3)
    kept = labelled(hidden)
    assert numbers_of(kept).tolist() == np.flatnonzero(hidden.labels != UNLABELLED).tolist()
    assert np.bincount(kept.labels).tolist() == [15, 9, 6]


def test_with_splits_makes_what_is_missing():
    data = with_splits("shapes", ["a", "b", "c"], make_split((50, 30, 20)))
    assert (len(data.train), len(data.validation), len(data.test)) == (72, 8, 20)
    numbers = [numbers_of(split) for split in (data.train, data.validation, data.test)]
    assert sorted(np.concatenate(numbers)) == list(range(100))
    assert (data.classes, data.image_shape, data.class_names) == (3, (1, 2, 1), ("a", "b", "c"))


def test_with_splits_leaves_a_given_test_split_alone():
    test = make_split((5, 5, 5))
    data = with_splits("shapes", ["a", "b", "c"], make_split(), test)
    assert data.test.images is test.images
    assert data.test.labels is test.labels
    assert (len(data.train), len(data.validation)) == (90, 10)


def test_the_fingerprint_names_the_content():
    def make(change=lambda data: data):
        return change(with_splits("shapes", ["a", "b", "c"], make_split())).fingerprint

    def one_pixel(data: ImageData):
        data.test.images[3, 0, 1, 0] ^= 1
        return data

    def one_label(data: ImageData):
        data.train.labels[0] = UNLABELLED
        return data

    def moved(data: ImageData):
        return replace(data, train=data.test, test=data.train)

    def named(data: ImageData):
        return replace(data, class_names=("a", "b", "d"))

    assert make() == make(lambda data: replace(data, name="other"))
    assert len(make()) == 16
    assert int(make(), 16) >= 0
    assert len({make(), make(one_pixel), make(one_label), make(moved), make(named)}) == 5


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4, 4, 1)), np.zeros(2, np.int32), "float64.*uint8"),
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.int32), "shape"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int32), "2 images"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2), "int32"),
    ],
)
def test_a_split_refuses_other_arrays(images, labels, message):
    with pytest.raises(UserError, match=message):
        Split(images, labels)


def test_folds_of_cross_validation_share_out_all_images():
    data = load_digits()
    folds = [cross_validation_fold(data, 4, number) for number in range(4)]
    tests = [fold.test.images.tobytes() for fold in folds]
    assert len(set(tests)) == 4
    everything = sorted(
        image.tobytes()
        for split in (data.train, data.validation, data.test)
        for image in split.images
    )
    assert sorted(image.tobytes() for fold in folds for image in fold.test.images) == everything
    for fold in folds:
        own = [*fold.train.images, *fold.validation.images, *fold.test.images]
        assert sorted(image.tobytes() for image in own) == everything
        share = np.bincount(fold.test.labels) / len(fold.test)
        np.testing.assert_allclose(share, 0.1, atol=0.01)
        assert len({fold.fingerprint for fold in folds}) == 4


def test_each_repetition_of_cross_validation_cuts_anew():
    data = load_digits()
    first, again, other = (cross_validation_fold(data, 5, number) for number in (1, 1, 6))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    for folds in (1, 1000):
        with pytest.raises(UserError, match=f"cannot be cut into {folds} folds: give 2 to 174"):
            cross_validation_fold(data, folds, 0)


def test_ids_follow_their_examples():
    data = load_digits()
    everything = join((data.train, data.validation, data.test))
    assert sorted(everything.ids, key=lambda name: int(name.split("/")[1])) == [
        f"train/{number}" for number in range(1797)
    ]
    # Where each id was before anything was split off, by its pixels.
    pixels = dict(zip(everything.ids, everything.images, strict=True))
    fold = cross_validation_fold(data, 5, 1)
    hidden = labelled(hide_labels(fold.train, 0.2))
    for split in (fold.test, hidden, split_off(hidden, 0.5)[1]):
        for name, image in zip(split.ids, split.images, strict=True):
            np.testing.assert_array_equal(image, pixels[name])
    without = Split(hidden.images, hidden.labels)
    assert join((hidden, without)).ids is None
    with pytest.raises(UserError, match="2 ids do not match"):
        Split(hidden.images, hidden.labels, np.array(["a", "b"]))

"""The embedded digits against scikit-learn's own copy."""

import numpy as np
from sklearn import datasets

from distill.data.digits import load_digits


def test_digits_are_those_of_scikit_learn():
    data = load_digits()
    splits = (data.train, data.validation, data.test)
    original = datasets.load_digits()
    assert [len(split) for split in splits] == [1294, 144, 359]
    assert (data.name, data.image_shape) == ("digits", (8, 8, 1))
    assert data.class_names == tuple("0123456789")

    images = np.concatenate([split.images for split in splits])
    # 16 grey levels lie 15.9375 apart, so that rounding can be undone exactly.
    levels = np.rint(images / 255 * 16)
    assert levels.sum() == original.data.sum() == 561718
    assert (images.min(), images.max()) == (0, 255)
    pairs = sorted(
        (*row.ravel(), label)
        for row, label in zip(
            levels, np.concatenate([split.labels for split in splits]), strict=True
        )
    )
    assert pairs == sorted(
        (*row, label) for row, label in zip(original.data, original.target, strict=True)
    )


def test_every_split_has_every_digit_in_its_share():
    data = load_digits()
    counts = np.bincount(datasets.load_digits().target)
    for split in (data.train, data.validation, data.test):
        share = len(split) / 1797
        assert np.all(np.abs(np.bincount(split.labels) - share * counts) <= 2)


def test_digits_are_the_same_every_time():
    assert load_digits().fingerprint == load_digits().fingerprint

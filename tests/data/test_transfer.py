"""Transfer sets: classes left out, noise mixed in, soft targets of another image of the class."""

import numpy as np
import pytest

from distill.data import (
    UNLABELLED,
    Split,
    class_number,
    load_digits,
    mix_noise,
    omit_classes,
    shuffle_within_classes,
)
from distill.errors import UserError

DATA = load_digits()
GREY = Split(np.full((400, 4, 5, 3), 100, np.uint8), np.arange(400, dtype=np.int32) % 4)


def test_class_by_name_or_number():
    named = type(DATA)("pets", ("cat", "7", "dog"), DATA.train, DATA.validation, DATA.test)
    assert [class_number(named, name) for name in ("cat", "dog", "2", "7")] == [0, 2, 2, 1]
    with pytest.raises(UserError, match="pets has no class 'cow'; its classes are cat, 7, dog"):
        class_number(named, "cow")
    with pytest.raises(UserError, match="no class '3'"):
        class_number(named, "3")


def test_omitted_classes_are_gone_and_the_rest_is_as_it_was():
    rest = omit_classes(DATA, ["3", "7"])
    kept = [index for index, label in enumerate(DATA.train.labels) if label not in (3, 7)]
    np.testing.assert_array_equal(rest.labels, DATA.train.labels[kept])
    np.testing.assert_array_equal(rest.images, DATA.train.images[kept])
    assert omit_classes(DATA, []) is DATA.train
    with pytest.raises(UserError, match="no training image is left"):
        omit_classes(DATA, [str(number) for number in range(10)])


def test_noise_is_mixed_in_by_its_share():
    """share 0.25 of a grey of 100: 75 + 0.25 u, u uniform from 0 to 255."""
    mixed = mix_noise(GREY, 0.25, seed=0)
    assert mixed.images.dtype == np.uint8
    assert mixed.images.min() == 75
    assert mixed.images.max() == 139  # 75 + 63.75, rounded
    assert mixed.images.mean() == pytest.approx(75 + 0.25 * 127.5, abs=0.5)
    np.testing.assert_array_equal(mixed.labels, GREY.labels)
    np.testing.assert_array_equal(mixed.images, mix_noise(GREY, 0.25, seed=0).images)
    assert np.any(mixed.images != mix_noise(GREY, 0.25, seed=1).images)
    assert GREY.images.min() == GREY.images.max() == 100


def test_pure_noise_has_no_labels_and_nothing_of_the_images():
    black = Split(np.zeros_like(GREY.images), GREY.labels)
    mixed = mix_noise(GREY, 1.0, seed=3)
    np.testing.assert_array_equal(mixed.images, mix_noise(black, 1.0, seed=3).images)
    assert np.all(mixed.labels == UNLABELLED)
    counts = np.bincount(mixed.images.ravel(), minlength=256)
    assert counts.min() > 0
    assert counts.std() / counts.mean() < 0.15  # uniform: about 1/sqrt(94)
    assert mix_noise(GREY, 0.0, seed=3) is GREY


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_impossible_shares_of_noise(share):
    with pytest.raises(UserError, match=r"noise is .*between 0 and 1"):
        mix_noise(GREY, share, seed=0)


def test_partners_are_of_the_same_class_and_never_oneself():
    labels = np.array([0, 1, 0, 2, 1, 0, 1, 1])
    for seed in range(20):
        partner = shuffle_within_classes(labels, seed)
        np.testing.assert_array_equal(labels[partner], labels)
        assert sorted(partner) == list(range(8))
        assert [index for index in range(8) if partner[index] == index] == [3]  # alone in class 2
    seen = {tuple(shuffle_within_classes(labels, seed)) for seed in range(20)}
    assert len(seen) > 5

"""Transfer sets: excluded classes, kinds of noise, other images, shuffled soft targets."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from distill.data import (
    NOISE_KINDS,
    UNLABELLED,
    Split,
    class_number,
    load_data,
    load_digits,
    mix_noise,
    restrict_classes,
    select_training_classes,
    shuffle_within_classes,
    unlabelled_images,
)
from distill.errors import UserError
from distill.recipes.recipe import Data

DATA = load_digits()
GREY = Split(np.full((400, 4, 5, 3), 100, np.uint8), np.arange(400, dtype=np.int32) % 4)


def test_class_by_name_or_number():
    named = type(DATA)("pets", ("cat", "7", "dog"), DATA.train, DATA.validation, DATA.test)
    assert [class_number(named, name) for name in ("cat", "dog", "2", "7")] == [0, 2, 2, 1]
    with pytest.raises(
        UserError, match="pets has no class 'cow': choose among its classes, cat, 7, dog"
    ):
        class_number(named, "cow")
    with pytest.raises(UserError, match="no class '3'"):
        class_number(named, "3")


def test_excluded_classes_are_gone_and_the_others_are_unchanged():
    rest = select_training_classes(DATA, ["3", "7"])
    kept = [index for index, label in enumerate(DATA.train.labels) if label not in (3, 7)]
    np.testing.assert_array_equal(rest.labels, DATA.train.labels[kept])
    np.testing.assert_array_equal(rest.images, DATA.train.images[kept])
    assert select_training_classes(DATA, []) is DATA.train
    with pytest.raises(UserError, match="no training image of digits with exclude=0, 1, 2"):
        select_training_classes(DATA, [str(number) for number in range(10)])
    without = replace(DATA, train=select_training_classes(DATA, ["3"]))
    with pytest.raises(UserError, match="no training image of digits with include=3"):
        select_training_classes(without, include=["3"])


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


def test_partners_have_the_same_class_and_are_other_examples():
    labels = np.array([0, 1, 0, 2, 1, 0, 1, 1])
    for seed in range(20):
        partner = shuffle_within_classes(labels, seed)
        np.testing.assert_array_equal(labels[partner], labels)
        assert sorted(partner) == list(range(8))
        assert [index for index in range(8) if partner[index] == index] == [3]  # alone in class 2
    seen = {tuple(shuffle_within_classes(labels, seed)) for seed in range(20)}
    assert len(seen) > 5


def test_only_some_classes_of_the_transfer_set():
    data = DATA
    kept = select_training_classes(data, include=["7", "8"])
    others = [str(number) for number in range(10) if number not in (7, 8)]
    omitted = select_training_classes(data, others)
    np.testing.assert_array_equal(kept.images, omitted.images)
    assert set(kept.labels.tolist()) == {7, 8}
    with pytest.raises(UserError, match=r"include \(2\) and classes to exclude \(1\): give one"):
        select_training_classes(data, exclude=["1"], include=["2"])


def test_a_data_set_of_some_classes_only():
    data = load_digits()
    for few in (
        restrict_classes(data, include=["8", "3"]),
        restrict_classes(data, exclude=[name for name in data.class_names if name not in "38"]),
    ):
        assert few.class_names == ("3", "8")
        for name in ("train", "validation", "test"):
            old, new = getattr(data, name), getattr(few, name)
            chosen = np.isin(old.labels, (3, 8))
            np.testing.assert_array_equal(new.images, old.images[chosen])
            np.testing.assert_array_equal(new.labels, np.where(old.labels[chosen] == 3, 0, 1))
    assert few.fingerprint != data.fingerprint


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"include": ["3"]}, "would have 1 class left"),
        ({"include": ["3"], "exclude": ["4"]}, "give one of the two"),
        ({"exclude": ["eleven"]}, "no class 'eleven'"),
    ],
)
def test_classes_that_do_not_make_a_data_set(chosen, message):
    with pytest.raises(UserError, match=message):
        restrict_classes(load_digits(), **chosen)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_noise_of_every_kind(kind):
    split = DATA.train
    once, again = (mix_noise(split, 1.0, 5, kind) for _ in range(2))
    np.testing.assert_array_equal(once.images, again.images)
    assert (once.images != mix_noise(split, 1.0, 6, kind).images).any()
    assert once.images.shape == split.images.shape
    assert set(once.labels.tolist()) == {UNLABELLED}
    half = mix_noise(split, 0.5, 5, kind)
    np.testing.assert_array_equal(half.labels, split.labels)
    mean = (split.images.astype(float) + once.images) / 2
    assert np.abs(half.images - mean).max() <= 0.76  # two roundings


def test_what_each_kind_of_noise_keeps():
    split = DATA.train
    images = {kind: mix_noise(split, 1.0, 0, kind).images.astype(float) for kind in NOISE_KINDS}
    own = split.images.astype(float)
    # Uniform: no mean but 127.5 anywhere. Pixels and mixtures: the mean image of the data.
    assert np.abs(images["uniform"].mean(0) - 127.5).max() < 10
    for kind in ("pixels", "mixture"):
        assert np.abs(images[kind].mean(0) - own.mean(0)).max() < 10
    # Pixels: the spread of each place, too, but no correlation between neighbours.
    assert np.abs(images["pixels"].std(0) - own.std(0)).max() < 10

    def neighbours(images):
        left, right = images[:, 3, 3, 0], images[:, 3, 4, 0]
        return np.corrcoef(left, right)[0, 1]

    assert abs(neighbours(images["pixels"])) < 0.1
    assert abs(neighbours(images["uniform"])) < 0.1
    assert neighbours(images["mixture"]) > neighbours(own) - 0.15
    assert neighbours(images["smoothed"]) > 0.1
    # Smoothed: each image from black to white.
    assert images["smoothed"].min((1, 2, 3)).max() == 0
    assert images["smoothed"].max((1, 2, 3)).min() == 255


def test_a_recipe_knows_every_kind_of_noise():
    assert tuple(NOISE_KINDS) == get_args(Data.model_fields["noise_kind"].annotation)


def test_unknown_noise():
    with pytest.raises(UserError, match="Unknown noise 'pink'; use one of uniform, smoothed"):
        mix_noise(load_digits().train, 0.5, 0, "pink")


def test_images_of_another_data_set_are_converted():
    digits = load_digits()
    rgb = load_data("digits", image_size=16)
    color = replace(rgb, train=Split(np.repeat(rgb.train.images, 3, -1), rgb.train.labels))
    gray = unlabelled_images(digits, color)
    assert gray.images.shape == (len(digits.train), 8, 8, 1)
    assert set(gray.labels.tolist()) == {UNLABELLED}
    back = unlabelled_images(color, digits)
    assert back.images.shape == (len(digits.train), 16, 16, 3)
    np.testing.assert_array_equal(back.images[..., 0], back.images[..., 2])
    np.testing.assert_array_equal(unlabelled_images(digits, digits).images, digits.train.images)

"""Augmented images: what each change does and leaves alone, and that seed and step decide it."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from distill.data.augmentation import (
    AREA,
    AUGMENTATIONS,
    RAND_AUGMENT,
    make_augmentation,
    translated,
)
from distill.errors import UserError

WAYS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
IMAGES = np.random.default_rng(0).integers(1, 255, (1800, 5, 4, 2)).astype("float32")


def moved(image, down, right):
    """The image moved by whole pixels, computed pixel by pixel."""
    result = np.zeros_like(image)
    height, width, _ = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[row, column] = image[row - down, column - right]
    return result


def batch(step, seed=0, most=1):
    return translated(tf.constant(IMAGES), most, seed, tf.constant(step, tf.int64)).numpy()


def test_every_image_is_moved_by_one_of_nine_ways_equally_often():
    result, counts = batch(step=7), {}
    for image, found in zip(IMAGES, result, strict=True):
        ways = [way for way in WAYS if np.array_equal(moved(image, *way), found)]
        assert len(ways) == 1
        counts[ways[0]] = counts.get(ways[0], 0) + 1
    assert len(counts) == 9
    # 200 expected, standard deviation 13
    assert 150 < min(counts.values()) <= max(counts.values()) < 250


def test_seed_and_step_decide():
    np.testing.assert_array_equal(batch(3), batch(3))
    assert np.any(batch(3) != batch(4))
    assert np.any(batch(3) != batch(3, seed=1))
    np.testing.assert_array_equal(batch(3, most=0), IMAGES)


SHAPE = (24, 20, 3)
PHOTOS = np.asarray(
    tf.image.resize(np.random.default_rng(1).integers(0, 256, (24, 6, 5, 3)), SHAPE[:2])
)
ALL = tuple(AUGMENTATIONS)


def augmented(images, *names, steps=(0,), seed=0, translation=0, parallel=1):
    """One array for each step, computed where training computes it."""
    augment = make_augmentation(names, images.shape[1:], seed, translation)
    images = tf.constant(images, tf.float32)
    numbers = tf.data.Dataset.from_tensor_slices(tf.constant(steps, tf.int64))
    changed = numbers.map(lambda step: augment(images, step), num_parallel_calls=parallel)
    return np.stack(list(changed.as_numpy_iterator()))


@pytest.mark.parametrize("name", ALL)
def test_seed_and_step_decide_each_change(name):
    """Whatever the layers' own state is: neither order nor parallel calls matter."""
    forward = augmented(PHOTOS, name, steps=range(4))
    backward = augmented(PHOTOS, name, steps=[3, 2, 1, 0], parallel=4)
    np.testing.assert_array_equal(forward, backward[::-1])
    assert forward.shape == (4, *PHOTOS.shape)
    assert forward.dtype == np.float32
    assert forward.min() >= 0
    assert forward.max() <= 255
    assert np.any(forward[0] != PHOTOS)
    for one in range(4):
        for other in range(one):
            assert np.any(forward[one] != forward[other])
    assert np.any(augmented(PHOTOS, name, seed=1)[0] != forward[0])


@pytest.mark.parametrize("name", ALL)
def test_images_of_a_batch_are_changed_differently(name):
    same = np.repeat(PHOTOS[:1], 64, axis=0)
    found = len({image.tobytes() for image in augmented(same, name)[0]})
    # A quarter of 64 is erased, 16 expected with standard deviation 3.5.
    assert found == 2 if name == "flip" else 5 < found < 30 if name == "erasing" else found > 50


def test_changes_follow_each_other_in_the_order_given():
    once = augmented(PHOTOS, "rotation", "erasing", translation=3, steps=range(2))
    again = augmented(PHOTOS, "rotation", "erasing", translation=3, steps=range(2), parallel=4)
    np.testing.assert_array_equal(once, again)
    assert np.any(once != augmented(PHOTOS, "erasing", "rotation", translation=3, steps=range(2)))
    first = augmented(PHOTOS, translation=3)[0]
    np.testing.assert_array_equal(first, translated(PHOTOS, 3, 0, tf.constant(0, tf.int64)))
    augment = make_augmentation(["rotation", "erasing"], SHAPE, seed=0)
    np.testing.assert_allclose(once[0], augment(first, tf.constant(0, tf.int64)), atol=0.01)


def test_flip_mirrors_half_of_the_images():
    mirrored = 0
    images = np.tile(PHOTOS, (40, 1, 1, 1))
    for image, found in zip(images, augmented(images, "flip")[0], strict=True):
        if np.array_equal(found, image[:, ::-1]):
            mirrored += 1
        else:
            np.testing.assert_array_equal(found, image)
    assert 410 < mirrored < 550  # of 960, standard deviation 15


@pytest.mark.parametrize("name", ["flip", "rotation", "zoom", "resized_crop"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_even_image_stays_as_it_is(name, channels):
    images = np.full((32, 9, 14, channels), 200, np.float32)
    np.testing.assert_allclose(augmented(images, name)[0], images, atol=1e-2)


def test_crops_have_the_areas_and_aspects_of_inception():
    """Red says in which column a pixel was, green in which row."""
    side = 64
    rows, columns = np.mgrid[:side, :side]
    image = np.stack([columns, rows, rows * 0], axis=-1).astype("float32")
    (found,) = augmented(np.repeat(image[None], 1000, axis=0), "resized_crop")
    assert found.min() >= 0
    assert found[..., :2].max() <= side - 1
    # The slope in the middle, where the edge has no effect, is the part of the side that is left.
    middle = slice(side // 4, 3 * side // 4)
    width = np.diff(found[:, 5, middle, 0], axis=1).mean(axis=1)
    height = np.diff(found[:, middle, 5, 1], axis=1).mean(axis=1)
    area, aspect = width * height, width / height
    assert AREA[0] - 0.001 < area.min() < 0.1
    assert 0.9 < area.max() < AREA[1] + 0.001
    assert abs(np.median(area) - 0.5) < 0.1  # the largest do not fit with every aspect
    assert 0.749 < aspect.min() < 0.77
    assert 1.3 < aspect.max() < 1.334
    assert abs(np.mean(np.log(aspect))) < 0.03
    # Parts lie everywhere: the first column shows up to one half of the image, and more.
    left = found[:, 5, 0, 0] / side
    assert left.min() < 0.02
    assert left.max() > 0.5


def test_rotation_and_zoom_stay_within_a_tenth():
    """The middle of a straight edge stays where it is; the edge is turned or moved."""
    side = 41
    columns = np.broadcast_to(np.arange(side, dtype="float32")[None, :, None], (side, side, 1))
    images = np.repeat(columns[None], 400, axis=0)
    middle = slice(side // 2 - 5, side // 2 + 6)
    for name, expected in (("rotation", 36.0), ("zoom", 0.1)):
        (found,) = augmented(images, name)
        across = np.diff(found[:, side // 2, middle, 0], axis=1).mean(axis=1)
        down = np.diff(found[:, middle, side // 2, 0], axis=1).mean(axis=1)
        value = np.degrees(np.arctan2(down, across)) if name == "rotation" else across - 1
        assert 0.95 * expected < value.max() < 1.01 * expected
        assert -1.01 * expected < value.min() < -0.95 * expected
        np.testing.assert_allclose(found[:, side // 2, side // 2, 0], side // 2, atol=0.01)


def test_erasing_fills_one_rectangle_of_a_quarter_of_the_images():
    images = np.full((800, 32, 32, 1), 77.0, np.float32)
    (found,) = augmented(images, "erasing")
    erased = (found != images)[..., 0]
    count = np.sum(erased.any(axis=(1, 2)))
    assert 150 < count < 250  # 200 expected, standard deviation 12
    for mask in erased[erased.any(axis=(1, 2))]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert box.mean() > 0.9  # noise may meet the value itself
        # A side is the root of 2 to 33 % of the image's.
        for length in box.shape:
            assert 32 * 0.02**0.5 - 1 <= length <= 32 * 0.33**0.5 + 1


def test_rand_augment_leaves_alone_what_did_not_choose_it():
    images = np.repeat(PHOTOS[:1], 600, axis=0)
    (found,) = augmented(images, "rand_augment")
    same = np.sum(np.all(np.abs(found - images) < 0.01, axis=(1, 2, 3)))
    # Identity twice is 1 of 196; auto contrast and mild solarizing may do nothing, too.
    assert 1 <= same < 60


SIDE = 41
MIDDLE = SIDE // 2
SLOPE = np.broadcast_to(5 * np.arange(SIDE, dtype="float32")[None, :, None], (SIDE, SIDE, 3))
ACROSS = SLOPE.transpose(1, 0, 2)
EVEN = np.full((9, 9, 3), 100, "float32")
SPIKE = EVEN + 50 * (np.arange(81).reshape(9, 9, 1) == 40)
COLOUR = EVEN + np.array([40, 0, 0], "float32")
STEPS = EVEN + 20 * np.sign(np.arange(9) - 4)[:, None, None]


def mean(image):
    return image.mean()


def difference(upper, lower):
    """Returns a measure: the first channel at one place minus that at another."""
    return lambda image: image[(*upper, 0)] - image[(*lower, 0)]


ABOVE, BELOW = (MIDDLE - 3, MIDDLE), (MIDDLE + 3, MIDDLE)
RIGHT = (MIDDLE, MIDDLE + 3)


def edge(image):
    return image[8, 0, 0] - image[0, 0, 0]


def colour(image):
    return image[0, 0, 0] - image[0, 0, 1]


def peak(image):
    return image[4, 4, 0] - 100


def middle(image):
    return image[MIDDLE, MIDDLE, 0]


def degrees(image):
    down, across = difference(BELOW, ABOVE)(image), difference(RIGHT, (MIDDLE, MIDDLE - 3))(image)
    return np.degrees(np.arctan2(down, across))


def levels(image):
    return len(np.unique(image))


def strength(name, image, measure):
    """The least and the greatest measure of an image changed 400 times by one operation."""
    images = tf.constant(np.repeat(image[None], 400, axis=0), tf.float32)
    seeds = keras.random.SeedGenerator(0)
    found = RAND_AUGMENT[name]()(images, seeds).numpy()
    values = [measure(each) for each in found]
    return min(values), max(values)


@pytest.mark.parametrize(
    ("name", "image", "measure", "low", "high"),
    [
        # The paper's ranges times 18/30: colours and contrast 0.9, 30 degrees, 0.3, 0.45.
        ("brightness", EVEN, mean, 46, 154),
        ("contrast", STEPS, edge, 40 * 0.46, 40 * 1.54),
        ("color", COLOUR, colour, 40 * 0.46, 40 * 1.54),
        # Blurring keeps 5/13 of the peak.
        ("sharpness", SPIKE, peak, 50 * (5 + 8 * 0.46) / 13, 50 * (5 + 8 * 1.54) / 13),
        ("rotate", SLOPE, degrees, -18, 18),
        # The slope is 5 for each pixel; rows 6 apart move against each other.
        ("shear_x", SLOPE, difference(BELOW, ABOVE), -30 * 0.18, 30 * 0.18),
        ("shear_y", ACROSS, difference(RIGHT, (MIDDLE, MIDDLE - 3)), -30 * 0.18, 30 * 0.18),
        ("translate_x", SLOPE, middle, 5 * (MIDDLE - SIDE * 0.27), 5 * (MIDDLE + SIDE * 0.27)),
        ("translate_y", ACROSS, middle, 5 * (MIDDLE - SIDE * 0.27), 5 * (MIDDLE + SIDE * 0.27)),
        ("posterize", SLOPE / 5, levels, 11, 21),
        ("solarize", np.full((9, 9, 3), 101, "float32"), mean, 101, 101),
    ],
)
def test_how_strong_each_operation_is(name, image, measure, low, high):
    least, greatest = strength(name, image, measure)
    slack = 0.03 * (high - low) + 0.001
    assert abs(least - low) < slack
    assert abs(greatest - high) < slack


@pytest.mark.parametrize("name", ["sharpness", "rotate", "shear_x", "translate_y", "contrast"])
def test_operations_leave_an_even_image_alone(name):
    least, greatest = strength(name, EVEN, lambda image: np.abs(image - 100).max())
    assert least == pytest.approx(0, abs=0.01)
    assert greatest == pytest.approx(0, abs=0.01)


def test_operations_that_no_image_chose():
    """One image leaves most operations without any."""
    found = augmented(PHOTOS[:1], "rand_augment", steps=range(30))
    assert found.shape == (30, 1, *SHAPE)
    assert np.isfinite(found).all()


def test_no_image_depends_on_what_the_others_show():
    """Not even where both are equalized, which Keras does with one histogram for all."""
    augment = make_augmentation(["rand_augment"], SHAPE, seed=0)
    changed = tf.function(lambda images: augment(images, tf.constant(0, tf.int64)))
    dark = np.tile(PHOTOS * 0.2, (10, 1, 1, 1)).astype("float32")
    beside = dark.copy()
    beside[1::2] = 255 - beside[1::2]
    np.testing.assert_array_equal(changed(dark)[::2], changed(beside)[::2])


def test_neither_dtype_policy_nor_other_random_numbers_matter():
    expected = augmented(PHOTOS, *ALL)
    random.seed(3)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        before = random.getstate()
        found = augmented(PHOTOS, *ALL)
    finally:
        keras.config.set_dtype_policy("float32")
    assert random.getstate() == before
    np.testing.assert_array_equal(found, expected)


def test_wrong_names_and_images_are_refused():
    with pytest.raises(UserError, match="Unknown augmentation 'flop'; use one of flip, rotation"):
        make_augmentation(["flip", "flop"], SHAPE, seed=0)
    with pytest.raises(UserError, match=r"'rand_augment' needs images of 3 channels, .* have 1"):
        make_augmentation(["rand_augment"], (8, 8, 1), seed=0)
    with pytest.raises(UserError, match=r"translation is 8, and must be below .* 8 pixels"):
        make_augmentation([], (8, 9, 1), seed=0, translation=8)

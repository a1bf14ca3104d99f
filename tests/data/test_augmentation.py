"""Moved images: every distance equally often, filled with zeros, a function of seed and step."""

import numpy as np
import tensorflow as tf

from distill.data.augmentation import shifted

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
    return shifted(tf.constant(IMAGES), most, seed, tf.constant(step, tf.int64)).numpy()


def test_every_image_is_moved_by_one_of_nine_ways_equally_often():
    result, counts = batch(step=7), {}
    for image, found in zip(IMAGES, result, strict=True):
        ways = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)
                if np.array_equal(moved(image, down, right), found)]  # fmt: skip
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

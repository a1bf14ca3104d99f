"""Resizing against known images, and the memory guard."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import tensorflow as tf
from PIL import Image

from distill.data.images import oriented_size, require_memory, resize, to_array
from distill.errors import UserError


def test_resize_keeps_flat_images_flat_and_values_in_range():
    noise = np.random.default_rng(0).integers(0, 256, (3, 17, 9, 3)).astype(np.uint8)
    resized = resize(noise, 32).numpy()
    assert (resized.shape, resized.dtype) == ((3, 32, 32, 3), np.uint8)
    assert np.all(resize(np.full((5, 9, 1), 255, np.uint8), 64).numpy() == 255)


def test_resize_averages_when_it_makes_smaller():
    # Without antialiasing, a fine chequerboard becomes stripes or one flat colour.
    board = (np.indices((63, 63)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., np.newaxis]
    assert np.all(np.abs(resize(board, 9).numpy().astype(int) - 127.5) < 10)


def test_resize_rounds():
    ramp = np.array([[[0], [1]], [[0], [1]]], np.uint8)
    np.testing.assert_array_equal(resize(ramp, 4).numpy()[0, :, 0], [0, 0, 1, 1])


def test_one_image_or_many_of_any_size_in_any_order():
    random = np.random.default_rng(0)
    shapes = (9, 8, 3), (2, 9, 8, 3), (5, 7, 1), (3, 6, 6, 1), (20, 30, 3)
    images = [random.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    for image in (*images, *images[::-1]):
        plain = tf.image.resize(image, (12, 12), antialias=True)
        np.testing.assert_array_equal(resize(image, 12), np.clip(np.round(plain), 0, 255))


def test_a_set_that_exceeds_the_free_memory_is_refused(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**9))
    require_memory(1000, (180, 180, 3))
    with pytest.raises(UserError, match=r"1,000,000 images of 180×180×3.*1\.0 GB.*image_size"):
        require_memory(1_000_000, (180, 180, 3))


def test_resize_to_a_rectangle():
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    plain = tf.image.resize(image, (5, 12), antialias=True)
    np.testing.assert_array_equal(resize(image, (5, 12)), np.clip(np.round(plain), 0, 255))


# What NumPy does to stored pixels, for each EXIF orientation (1 to 8), to make them upright.
UPRIGHT = (
    lambda pixels: pixels,
    lambda pixels: pixels[:, ::-1],
    lambda pixels: pixels[::-1, ::-1],
    lambda pixels: pixels[::-1],
    lambda pixels: pixels.swapaxes(0, 1),
    lambda pixels: np.rot90(pixels, -1),
    lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    lambda pixels: np.rot90(pixels),
)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright(orientation, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    expected = UPRIGHT[orientation - 1](pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert oriented_size(image) == expected.shape[1::-1]
        np.testing.assert_array_equal(to_array(image), expected)


def test_channels():
    image = Image.new("RGB", (5, 4), (255, 0, 0))
    assert to_array(image).shape == (4, 5, 3)
    grey = to_array(image, 1)
    assert (grey.shape, grey.dtype, grey[0, 0, 0]) == ((4, 5, 1), np.uint8, 76)  # ITU-R 601
    with pytest.raises(UserError, match="1 or 3 channels, not 2"):
        to_array(image, 2)

"""Functions that all loaders share: pixels of an image, resizing, the check of free memory."""

import numpy as np
import psutil
import tensorflow as tf
from PIL import Image, ImageOps

from distill.errors import UserError

AUTO = "auto"  # an image size: the images' own, or one that suits small networks
_OWN_UP_TO, _OTHERWISE = 128, 96  # pixels
_EXIF_ORIENTATION = 0x0112
_MODES = {1: "L", 3: "RGB"}


def auto_size(*sizes: tuple[int | None, int | None]) -> int | None:
    """Returns the size that `"auto"` means for images of these sizes; `None` is their own.

    Args:
        *sizes: the different heights and widths, `(None, None)` where they are not known.
    """
    sides = [side for size in set(sizes) for side in size]
    is_one = len(set(sizes)) == 1 and None not in sides
    return None if is_one and max(filter(None, sides)) <= _OWN_UP_TO else _OTHERWISE


def to_array(image: Image.Image, channels: int = 3) -> np.ndarray:
    """Returns the pixels of an opened image, upright as its EXIF orientation says.

    16-bit images lose their lower 8 bits. What is transparent shows its own colour.

    Args:
        image: an image of any mode.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 `(height, width, channels)`.

    Raises:
        UserError: another number of channels.

    Examples:
        >>> to_array(Image.new("RGBA", (5, 4), "red"), 1).shape
        (4, 5, 1)
    """
    if channels not in _MODES:
        raise UserError(f"Images have 1 or 3 channels, not {channels}.")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit values at 255, which makes nearly every pixel white.
        grey = np.clip(np.asarray(image).astype(np.int32) >> 8, 0, 255)
        image = Image.fromarray(grey.astype(np.uint8))
    if "transparency" in image.info:
        image = image.convert("RGBA")
    pixels = np.asarray(image.convert(_MODES[channels]))
    return pixels.reshape(*pixels.shape[:2], channels)


def oriented_size(image: Image.Image) -> tuple[int, int]:
    """Returns width and height of an opened image once it is upright; it need not be decoded."""
    width, height = image.size
    turned = image.getexif().get(_EXIF_ORIENTATION) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def resize(images: np.ndarray | tf.Tensor, image_size: int | tuple[int, int]) -> tf.Tensor:
    """Resizes uint8 images: bilinear, with antialiasing, rounded to whole values.

    `image_size` is the new height and width in pixels, or one number for both.

    Examples:
        >>> resize(np.full((4, 6, 1), 7, np.uint8), 2).numpy().ravel()
        array([7, 7, 7, 7], dtype=uint8)
    """
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    return _compiled[images.ndim](images, size)


def _resize(images, size):
    resized = tf.image.resize(images, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


# Compiled, it is twice as fast for a small image, with the same values. There is one function for
# each number of dimensions, because TensorFlow cannot trace resizing for an unknown number.
_compiled = {number: tf.function(_resize, reduce_retracing=True) for number in (3, 4)}


def require_memory(examples: int, image_shape: tuple[int, int, int]) -> None:
    """Refuses a data set that does not fit into the free memory."""
    height, width, channels = image_shape
    # Twice, because both the whole and its parts exist while a data set is split.
    needed = 2 * examples * height * width * channels
    free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"{examples:,} images of {height}×{width}×{channels} need {needed / 1e9:.1f} GB of "
            f"memory and {free / 1e9:.1f} GB are free: choose a smaller image_size."
        )

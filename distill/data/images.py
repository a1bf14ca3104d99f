"""Functions that all loaders share: resizing, and the check that the images fit into memory."""

import numpy as np
import psutil
import tensorflow as tf

from distill.errors import UserError

AUTO = "auto"  # an image size: the images' own, or one that suits small networks
_OWN_UP_TO, _OTHERWISE = 128, 96  # pixels


def auto_size(*sizes: tuple[int | None, int | None]) -> int | None:
    """Returns the size that `"auto"` means for images of these sizes; `None` is their own.

    Args:
        *sizes: the different heights and widths, `(None, None)` where they are not known.
    """
    one = len(set(sizes)) == 1 and None not in sizes[0]
    return None if one and max(sizes[0]) <= _OWN_UP_TO else _OTHERWISE


def resize(images: np.ndarray | tf.Tensor, image_size: int) -> tf.Tensor:
    """Resizes images to a square: bilinear, with antialiasing, rounded to whole values.

    Example:

    >>> resize(np.full((4, 6, 1), 7, np.uint8), 2).numpy().ravel()
    array([7, 7, 7, 7], dtype=uint8)
    """
    return _compiled[images.ndim](images, image_size)


def _resize(images, image_size):
    resized = tf.image.resize(images, (image_size, image_size), antialias=True)
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

"""Augmentation of training batches; which change a batch gets depends on seed and step only."""

import tensorflow as tf


def shifted(images: tf.Tensor, most: int, seed: int, step: tf.Tensor) -> tf.Tensor:
    """Moves each image by its own whole number of pixels, filling up with zeros.

    Args:
        images: `(batch, height, width, channels)`.
        most: pixels that an image moves at most, each way; every distance is equally probable.
        seed: of the run.
        step: int64 scalar, the batch's number.

    Returns:
        Images of the same shape and type.

    Example:

    >>> image = tf.reshape(tf.range(1, 10), (1, 3, 3, 1))
    >>> shifted(image, 1, seed=0, step=tf.constant(1, tf.int64))[0, :, :, 0].numpy()
    array([[0, 0, 0],
           [2, 3, 0],
           [5, 6, 0]], dtype=int32)
    """
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    # Another stream of numbers than the pipeline's shuffle draws with the same seed.
    stream = tf.random.experimental.stateless_fold_in(tf.stack([tf.cast(seed, tf.int64), step]), 1)
    starts = tf.random.stateless_uniform((2, batch, 1), stream, 0, 2 * most + 1, dtype=tf.int32)
    padded = tf.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    rows, columns = starts[0] + tf.range(height), starts[1] + tf.range(width)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

"""Augmentation of training batches, which depends on the seed and the step only.

Keras' preprocessing layers change the images. Their random numbers come from `_Seeds` and not from
the state of each layer, so that neither parallel calls nor a resumed run changes them.
"""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from distill.errors import UserError

# A crop's area as a fraction of its image's area. Its width divided by its height is 3/4 to 4/3.
AREA = (0.08, 1.0)
# RandAugment draws its strengths uniformly from 0 to 18 of 30, so that their mean is 9.
_STRENGTH = 18 / 30
_ENHANCE = 0.9 * _STRENGTH  # the largest relative change of colour, contrast, …

Change = Callable[[tf.Tensor, keras.random.SeedGenerator], tf.Tensor]


def make_augmentation(
    names: Sequence[str], image_shape: tuple[int, int, int], seed: int, translation: int = 0
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes the function that augments training batches, each image independently.

    Args:
        names: names in `AUGMENTATIONS`, in the order in which they are applied.
        image_shape: `(height, width, channels)`.
        seed: the seed of the run.
        translation: the largest translation in pixels, applied first; see `translated`.

    Returns:
        A function of images, float32 `(batch, height, width, channels)` with values 0 to 255, and
        of the step, an int64 scalar. It returns images of the same shape, type and range. The same
        images and step give the same result.

    Raises:
        UserError: a name is unknown, or an augmentation does not suit images of that shape.

    Examples:
        >>> augment = make_augmentation(["flip"], (1, 2, 1), seed=0)
        >>> images = tf.constant([[[[0.0], [1.0]]]] * 4)
        >>> augment(images, tf.constant(1, tf.int64))[:, 0, :, 0].numpy()
        array([[0., 1.],
               [1., 0.],
               [1., 0.],
               [1., 0.]], dtype=float32)
    """
    for name in names:
        if name not in AUGMENTATIONS:
            raise UserError(
                f"Unknown augmentation {name!r}; use one of {', '.join(AUGMENTATIONS)}."
            )
    if translation >= min(image_shape[:2]):
        raise UserError(
            f"translation is {translation}, and must be below the height and width of the images, "
            f"{min(image_shape[:2])} pixels."
        )
    changes = [AUGMENTATIONS[name](image_shape) for name in names]

    def augment(images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        if translation:
            images = translated(images, translation, seed, step)
        seeds = _Seeds(seed, step)
        for change in changes:
            changed = tf.clip_by_value(change(images, seeds), 0.0, 255.0)
            images = tf.ensure_shape(changed, images.shape)
        return images

    return augment


def translated(images: tf.Tensor, most: int, seed: int, step: tf.Tensor) -> tf.Tensor:
    """Translates each image by its own whole number of pixels and fills the rest with zeros.

    Examples:
        >>> image = tf.reshape(tf.range(1, 10), (1, 3, 3, 1))
        >>> translated(image, 1, seed=0, step=tf.constant(1, tf.int64))[0, :, :, 0].numpy()
        array([[0, 0, 0],
               [2, 3, 0],
               [5, 6, 0]], dtype=int32)
    """
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    # A different random stream from that of the pipeline's shuffle, which has the same seed.
    stream = tf.random.experimental.stateless_fold_in(tf.stack([tf.cast(seed, tf.int64), step]), 1)
    starts = tf.random.stateless_uniform((2, batch, 1), stream, 0, 2 * most + 1, dtype=tf.int32)
    padded = tf.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    rows, columns = starts[0] + tf.range(height), starts[1] + tf.range(width)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


class _Seeds(keras.random.SeedGenerator):
    """A stateless seed generator for Keras: the run's seed, the step and `n` determine seed `n`."""

    def __init__(self, seed, step):
        # No `super().__init__()`: it would create the state variable.
        run = tf.stack([tf.cast(seed, tf.int64), step])
        # A different random stream from those of the shuffle and the translation.
        self._stream = tf.random.experimental.stateless_fold_in(run, 2)
        self._drawn = 0

    def next(self, ordered=True):
        self._drawn += 1
        return tf.random.experimental.stateless_fold_in(self._stream, self._drawn)


def _by_layer(kind, *arguments, **options):
    """Makes a function that applies a Keras layer, with its own random numbers for each image."""
    # float32 under any policy. The seed is not used. Without one, Keras would draw it from Python's
    # random numbers, and so change the initial weights of the next model.
    if kind not in (keras.layers.AutoContrast, keras.layers.Equalization):
        options["seed"] = 0
    layer = kind(*arguments, **options, dtype="float32")

    def change(images, seeds):
        transformation = layer.get_random_transformation(images, training=True, seed=seeds)
        return layer.transform_images(images, transformation, training=True)

    return change


def _crop(images: tf.Tensor, seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Crops a random part of each image and resizes it to the image's size, as Inception does.

    It draws ten parts and takes the first one that fits into the image.
    """
    batch, limits = tf.shape(images)[0], tf.cast(images.shape[1:3], tf.float32)
    area = tf.random.stateless_uniform((batch, 10), seeds.next(), *AREA) * tf.reduce_prod(limits)
    reach = math.log(4 / 3)
    ratio = tf.exp(tf.random.stateless_uniform((batch, 10), seeds.next(), -reach, reach))
    sizes = tf.stack([tf.sqrt(area / ratio), tf.sqrt(area * ratio)], axis=-1)
    fits = tf.reduce_all(sizes <= limits, axis=-1)
    size = tf.gather(sizes, tf.argmax(fits, axis=1), batch_dims=1)
    size = tf.minimum(size, limits)
    start = tf.random.stateless_uniform((batch, 2), seeds.next()) * (limits - size)
    scale = size / limits
    start += (scale - 1) / 2  # from pixel corners to pixel centres
    zero = tf.zeros((batch,))
    transform = tf.stack(
        [scale[:, 1], zero, start[:, 1], zero, scale[:, 0], start[:, 0], zero, zero], axis=1
    )
    return keras.ops.image.affine_transform(
        images, transform, fill_mode="nearest", data_format="channels_last"
    )


def _solarize(images, seeds):
    # Keras' Solarization mixes fractions and pixel values in its thresholds.
    shape = (tf.shape(images)[0], 1, 1, 1)
    least = 255 * (1 - _STRENGTH)
    threshold = tf.random.stateless_uniform(shape, seeds.next(), least, 255.0)
    return tf.where(images < threshold, images, 255 - images)


def _brightness(images, seeds):
    # Keras' RandomBrightness adds a number, but the paper multiplies by one.
    shape = (tf.shape(images)[0], 1, 1, 1)
    return images * tf.random.stateless_uniform(shape, seeds.next(), 1 - _ENHANCE, 1 + _ENHANCE)


def _sharpness():
    # Keras' layer treats the pixels beyond the edge as black.
    change = _by_layer(keras.layers.RandomSharpness, (0.5 - _ENHANCE / 2, 0.5 + _ENHANCE / 2))
    around = ((0, 0), (1, 1), (1, 1), (0, 0))

    def sharpen(images, seeds):
        return change(tf.pad(images, around, "SYMMETRIC"), seeds)[:, 1:-1, 1:-1]

    return sharpen


def _equalize():
    # Keras' layer computes one histogram for the whole batch.
    equalize = _by_layer(keras.layers.Equalization)
    return lambda images, seeds: tf.map_fn(lambda image: equalize(image, seeds), images)


# The fourteen operations of RandAugment (Cubuk et al. 2020, https://arxiv.org/abs/1909.13719), by
# the names in its paper.
RAND_AUGMENT: dict[str, Callable[[], Change]] = {
    "identity": lambda: lambda images, seeds: images,
    "auto_contrast": lambda: _by_layer(keras.layers.AutoContrast),
    "equalize": _equalize,
    "rotate": lambda: _by_layer(keras.layers.RandomRotation, 30 / 360 * _STRENGTH),
    # 6 or 7 bits: the range excludes its upper end.
    "posterize": lambda: _by_layer(keras.layers.RandomPosterization, (6, 8)),
    "solarize": lambda: _solarize,
    "brightness": lambda: _brightness,
    "contrast": lambda: _by_layer(keras.layers.RandomContrast, (_ENHANCE, _ENHANCE)),
    "color": lambda: _by_layer(keras.layers.RandomColorDegeneration, _ENHANCE),
    "sharpness": _sharpness,
    "shear_x": lambda: _by_layer(keras.layers.RandomShear, x_factor=0.3 * _STRENGTH),
    "shear_y": lambda: _by_layer(keras.layers.RandomShear, y_factor=0.3 * _STRENGTH),
    "translate_y": lambda: _by_layer(keras.layers.RandomTranslation, 0.45 * _STRENGTH, 0.0),
    "translate_x": lambda: _by_layer(keras.layers.RandomTranslation, 0.0, 0.45 * _STRENGTH),
}


def _rand_augment(image_shape):
    """Applies two of the paper's fourteen operations to each image.

    Keras' RandAugment draws two operations for the whole batch, and its one strength means
    something else for each: at 0.3 it rotates images by up to 108 degrees, and the paper by 9.
    """
    if image_shape[-1] != 3:
        raise UserError(
            f"The augmentation 'rand_augment' needs images of 3 channels, and these have "
            f"{image_shape[-1]}: remove it from the list."
        )
    operations = [make() for make in RAND_AUGMENT.values()]

    def change(images, seeds):
        batch = tf.shape(images)[0]
        for _ in range(2):
            chosen = tf.random.stateless_uniform(
                (batch,), seeds.next(), 0, len(operations), dtype=tf.int32
            )
            # Each operation gets only the images that drew it.
            parts = tf.dynamic_partition(images, chosen, len(operations))
            places = tf.dynamic_partition(tf.range(batch), chosen, len(operations))
            changed = [
                operation(part, seeds) for operation, part in zip(operations, parts, strict=True)
            ]
            images = tf.ensure_shape(tf.dynamic_stitch(places, changed), images.shape)
        return images

    return change


AUGMENTATIONS: dict[str, Callable[[tuple[int, int, int]], Change]] = {
    "flip": lambda shape: _by_layer(keras.layers.RandomFlip, "horizontal"),
    "rotation": lambda shape: _by_layer(keras.layers.RandomRotation, 0.1),
    "zoom": lambda shape: _by_layer(keras.layers.RandomZoom, 0.1),
    "resized_crop": lambda shape: _crop,
    "rand_augment": _rand_augment,
    "erasing": lambda shape: _by_layer(keras.layers.RandomErasing, (0.25, 0.25)),
}

"""A model that resizes its images itself, by operations that every runtime has."""

import functools

import keras
import numpy as np


def with_resizing(model: keras.Model, input_shape: tuple[int, int, int]) -> keras.Model:
    """Returns a model for images of another size, which resizes them to its own size first.

    Resizing is bilinear with antialiasing, as in `distill.data`, but without rounding to whole
    values. The layers of the model keep their names and weights. The two matrices that resize count
    as parameters: 2 · 96 · 64 from 96×96 to 64×64 pixels.

    Args:
        model: a functional or sequential model of images `(height, width, channels)`.
        input_shape: the shape of the images that the new model takes.

    Returns:
        A functional model, or the model itself if it takes images of this shape.

    Examples:
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(3, name="logits")]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        >>> larger = with_resizing(model, (32, 32, 1))
        >>> larger.input_shape, larger.layers[-1].name
        ((None, 32, 32, 1), 'logits')
    """
    if tuple(model.input_shape[1:]) == tuple(input_shape):
        return model
    inputs = keras.Input(input_shape, name="image")
    # `call` applies the layers one by one, where calling the model would nest it.
    outputs = model.call(resized(inputs, model.input_shape[1:3]))
    wrapped = keras.Model(inputs, outputs, name=model.name)
    copy = keras.models.clone_model(wrapped)
    copy.set_weights(wrapped.get_weights())
    return copy


def resized(images: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Resizes symbolic images by two constant matrices, one for each axis.

    Antialiased bilinear resizing is linear and separable. No runtime but TensorFlow's has it, and
    every runtime has matrix products.

    Args:
        images: `(batch, height, width, channels)`.
        size: the new height and width.
    """
    channels_first = keras.layers.Permute((3, 1, 2), name="resize_in")(images)
    widened = _matrix(images.shape[2], size[1], "resize_width")(channels_first)
    turned = keras.layers.Permute((1, 3, 2), name="resize_turn")(widened)
    return keras.layers.Permute((3, 2, 1), name="resize_out")(
        _matrix(images.shape[1], size[0], "resize_height")(turned)
    )


def _matrix(before, after, name):
    layer = keras.layers.Dense(after, use_bias=False, trainable=False, name=name, dtype="float32")
    layer.build((None, before))
    layer.set_weights([resize_matrix(before, after)])
    return layer


@functools.lru_cache(maxsize=8)
def resize_matrix(before: int, after: int) -> np.ndarray:
    """Returns the weights of antialiased bilinear resizing along one axis.

    Args:
        before: pixels before resizing.
        after: pixels after resizing.

    Returns:
        float32 `(before, after)`; each column sums to 1.

    Examples:
        >>> resize_matrix(4, 2).T.round(2)
        array([[0.43, 0.43, 0.14, 0.  ],
               [0.  , 0.14, 0.43, 0.43]], dtype=float32)
    """
    with keras.device("cpu"):
        unit = np.eye(before, dtype="float32")[:, :, None, None]  # one image for each pixel
        options = {"antialias": True, "data_format": "channels_last"}
        found = keras.ops.image.resize(unit, (after, 1), **options)
        return keras.ops.convert_to_numpy(found)[:, :, 0, 0]

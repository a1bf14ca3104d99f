"""The cost of inference: multiply-adds of a forward pass, and its time on this machine."""

import dataclasses
import time

import keras
import numpy as np
from keras import ops

from distill.errors import UserError


def multiply_adds(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> int:
    """Counts the multiply-adds of one forward pass of one image.

    The count covers matrix products, those in attention included, and convolutions. It leaves out
    biases, activations, normalisation and pooling, and whatever runs in loops (the steps of
    recurrent layers after the first) and branches. On PyTorch it also leaves out the scores and
    sums of attention. `input_shape` is `(height, width, channels)`; by default, that of the built
    model.

    Raises:
        UserError: the size of a product is known only when the model runs.

    Examples:
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
        >>> multiply_adds(keras.Sequential([keras.Input((8, 8, 1)), *layers]))
        640
    """
    input_shape = input_shape or model.input_shape[1:]
    if None in input_shape:
        raise UserError(
            f"The model {model.name!r} takes images of any size, {tuple(input_shape)}; give an "
            "input_shape without None, for which its multiply-adds are counted."
        )
    match keras.backend.backend():
        case "tensorflow":
            from distill.evaluation.tensorflow_count import count
        case "jax":
            from distill.evaluation.jax_count import count
        case "torch":
            from distill.evaluation.torch_count import count
    return count(model, tuple(input_shape))


@dataclasses.dataclass(frozen=True)
class Speed:
    """The latency of a model on this machine.

    Attributes:
        batch_size: images in a call.
        milliseconds: median time of a call.
        low: lower quartile, in milliseconds.
        high: upper quartile, in milliseconds.
        images_per_second: the batch size divided by the median time.
    """

    batch_size: int
    milliseconds: float
    low: float
    high: float
    images_per_second: float


def speed(
    model: keras.Model, image_shape: tuple[int, ...], batch_size: int, seconds: float = 0.5
) -> Speed:
    """Times the compiled inference of a model.

    Args:
        model: a Keras classifier.
        image_shape: `(height, width, channels)`.
        batch_size: images in a call.
        seconds: about how long to measure; at least 10 calls are timed.
    """
    run = _compiled(model)
    images = np.random.default_rng(0).integers(0, 256, (batch_size, *image_shape))
    images = ops.convert_to_tensor(images, "float32")
    for _ in range(3):
        ops.convert_to_numpy(run(images))
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        began = time.perf_counter()
        ops.convert_to_numpy(run(images))
        times.append(time.perf_counter() - began)
    low, median, high = np.percentile(times, (25, 50, 75)).tolist()
    return Speed(batch_size, median * 1e3, low * 1e3, high * 1e3, batch_size / median)


def _compiled(model):
    """Returns a function of images, compiled as the backend does it."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return tf.function(lambda images: model(images, training=False), autograph=False)
        case "jax":
            import jax

            variables = model.trainable_variables, model.non_trainable_variables
            state = [[each.value for each in group] for group in variables]
            run = jax.jit(lambda state, images: model.stateless_call(*state, images)[0])
            return lambda images: run(state, images)
        case _:
            import torch

            return torch.inference_mode()(lambda images: model(images, training=False))

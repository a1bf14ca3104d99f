"""The cost of inference: multiply-adds of a forward pass, and its time on this machine."""

import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf

from distill.errors import UserError


def multiply_adds(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> int:
    """Counts the multiply-adds of one forward pass of one image.

    The count covers matrix products, those in attention included, and convolutions. It leaves out
    biases, activations, normalisation and pooling, and whatever runs in loops (the steps of
    recurrent layers after the first) and branches. `input_shape` is `(height, width, channels)`; by
    default, that of the built model.

    Raises:
        UserError: the size of a product is known only when the model runs.

    Examples:
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
        >>> multiply_adds(keras.Sequential([keras.Input((8, 8, 1)), *layers]))
        640
    """
    input_shape = input_shape or model.input_shape[1:]
    run = tf.function(lambda images: model(images, training=False), autograph=False)
    graph = run.get_concrete_function(tf.TensorSpec((1, *input_shape), tf.float32)).graph
    return _graph_multiply_adds(graph)


def _graph_multiply_adds(graph) -> int:
    return sum(_operation_multiply_adds(operation) for operation in graph.get_operations())


def _operation_multiply_adds(operation) -> int:
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        # Keras compiles a grouped convolution as a separate function.
        called = operation.graph._get_function(operation.get_attr("f").name)
        return _graph_multiply_adds(called.graph)
    if operation.type in ("Conv2D", "Conv3D", "DepthwiseConv2dNative"):
        filters = _shape(operation.inputs[1])
        # Filters are (…, inputs per group, outputs); depthwise ones (…, channels, multiplier).
        each = filters[:-2] if operation.type == "DepthwiseConv2dNative" else filters[:-1]
        return math.prod(_shape(operation.outputs[0])) * math.prod(each)
    if operation.type in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
        # In a transposed convolution, each input is multiplied by every weight of the filter.
        _, filters, images = operation.inputs
        return math.prod(_shape(images)) * math.prod(_shape(filters)[:-1])
    if operation.type in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        name = "transpose_a" if operation.type == "MatMul" else "adj_x"
        axis = -2 if operation.get_attr(name) else -1
        return math.prod(_shape(operation.outputs[0])) * _shape(operation.inputs[0])[axis]
    if operation.type == "Einsum":
        return _einsum_multiply_adds(operation)
    return 0


def _shape(tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise UserError(
            f"The multiply-adds cannot be counted, because the size of {tensor.name!r}, of shape "
            f"{tensor.shape}, is known only when the model runs: give an input_shape without None."
        )
    return tensor.shape.as_list()


def _einsum_multiply_adds(operation) -> int:
    """The product of the sizes of all indices: `ab,bc->ac` multiplies and adds `a·b·c` times."""
    sizes: dict[str, int] = {}
    indices = operation.get_attr("equation").decode().split("->")[0].split(",")
    for names, tensor in zip(indices, operation.inputs, strict=True):
        shape = _shape(tensor)
        before, dots, after = names.partition("...")
        hidden = len(shape) - len(before) - len(after) if dots else 0
        names = [*before, *(f"...{place}" for place in range(hidden, 0, -1)), *after]
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
    return math.prod(sizes.values())


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
    run = tf.function(lambda images: model(images, training=False), autograph=False)
    images = np.random.default_rng(0).integers(0, 256, (batch_size, *image_shape))
    images = tf.constant(images, tf.float32)
    for _ in range(3):
        run(images).numpy()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        began = time.perf_counter()
        run(images).numpy()
        times.append(time.perf_counter() - began)
    low, median, high = np.percentile(times, (25, 50, 75)).tolist()
    return Speed(batch_size, median * 1e3, low * 1e3, high * 1e3, batch_size / median)

"""Multiply-adds of a forward pass, counted in TensorFlow's graph; see `cost.multiply_adds`."""

import math

import tensorflow as tf

from distill.errors import UserError


def count(model, input_shape: tuple[int, ...]) -> int:
    """Counts the multiply-adds of one image."""
    run = tf.function(lambda images: model(images, training=False), autograph=False)
    return _in_graph(run.get_concrete_function(tf.TensorSpec((1, *input_shape), tf.float32)).graph)


def _in_graph(graph) -> int:
    return sum(_in_operation(operation) for operation in graph.get_operations())


def _in_operation(operation) -> int:
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        # Keras compiles a grouped convolution as a separate function.
        called = operation.graph._get_function(operation.get_attr("f").name)
        return _in_graph(called.graph)
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
        return _in_einsum(operation)
    return 0


def _shape(tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise UserError(
            f"The multiply-adds cannot be counted, because the size of {tensor.name!r}, of shape "
            f"{tensor.shape}, is known only when the model runs: give an input_shape without None."
        )
    return tensor.shape.as_list()


def _in_einsum(operation) -> int:
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

"""ONNX, for ONNX Runtime and whatever else reads it."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from distill.export.format import Bounds, Format, quiet, unsupported
from distill.export.saved_model import serving_function

OPSET = 17


def write_onnx(
    model: keras.Model, path: Path, class_names: Sequence[str], images: np.ndarray | None = None
) -> None:
    """Writes an ONNX file of opset 17 with a free batch size.

    The class names are a JSON list in the file's metadata, under `class_names`.

    Args:
        model: what `deployable` returns.
        path: the file to write.
        class_names: one name for each class.
        images: not used.

    Raises:
        UserError: ONNX does not support an operation of the model.
    """
    import onnx
    import tf2onnx

    function = serving_function(model, None)
    try:
        with quiet():
            proto, _ = tf2onnx.convert.from_function(
                function, input_signature=function.input_signature, opset=OPSET
            )
    except Exception as error:  # the converter raises many kinds
        raise unsupported("onnx", [], error) from error
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    # What the converter does not know, it leaves in the graph.
    if left := [node.op_type for node in proto.graph.node if node.op_type not in known]:
        raise unsupported("onnx", left, ValueError())
    _add_constants(proto.graph, function.get_concrete_function())
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    entry = proto.metadata_props.add()
    entry.key, entry.value = "class_names", json.dumps([*class_names], ensure_ascii=False)
    onnx.save(proto, path)


def _add_constants(graph, function):
    """Turns the constants of layers such as Normalization, which became inputs, into weights."""
    import onnx

    values = {
        placeholder.name: value
        for value, placeholder in function.graph.captures
        if value.dtype != tf.resource
    }
    used = {name for node in graph.node for name in node.input}
    for constant in [value for value in graph.input if value.name in values]:
        graph.input.remove(constant)
        if constant.name in used:
            array = values[constant.name].numpy()
            graph.initializer.append(onnx.numpy_helper.from_array(array, constant.name))


ONNX = Format(
    name="onnx",
    text="ONNX, float32",
    file="model.onnx",
    runtime="onnxruntime",
    bounds=Bounds(difference=1e-4),
    write=write_onnx,
    needs=("tf2onnx", "onnx", "onnxruntime"),
)

"""ONNX, for ONNX Runtime and whatever else reads it."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

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
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    entry = proto.metadata_props.add()
    entry.key, entry.value = "class_names", json.dumps([*class_names], ensure_ascii=False)
    onnx.save(proto, path)


ONNX = Format(
    name="onnx",
    text="ONNX, float32",
    file="model.onnx",
    runtime="onnxruntime",
    bounds=Bounds(difference=1e-4),
    write=write_onnx,
    needs=("tf2onnx", "onnx", "onnxruntime"),
)

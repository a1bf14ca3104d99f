"""ONNX files: names, free batch size, class names, and what ONNX cannot do."""

import json

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.export import deployable

onnx = pytest.importorskip("onnx")
pytest.importorskip("tf2onnx")


def dimensions(value):
    return [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]


def test_names_and_shapes(files):
    model = onnx.load(files["onnx"])
    onnx.checker.check_model(model, full_check=True)
    (taken,), (given,) = model.graph.input, model.graph.output
    assert (taken.name, dimensions(taken)) == ("images", ["batch", 8, 8, 1])
    assert (given.name, dimensions(given)) == ("logits", ["batch", 10])
    assert [each.version for each in model.opset_import if not each.domain] == [17]


def test_class_names_are_metadata(files):
    (entry,) = onnx.load(files["onnx"]).metadata_props
    assert (entry.key, json.loads(entry.value)) == (
        "class_names",
        [str(each) for each in range(10)],
    )


def test_constants_of_a_layer_are_no_inputs(small, tmp_path):
    """Normalization holds its mean and variance as constants, not as weights."""
    rescaled = keras.layers.Normalization(mean=[100.0], variance=[400.0])
    layers = [rescaled, keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    path = small.write("onnx", tmp_path / "model.onnx", deployable(model))
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path))
    (taken,) = session.get_inputs()
    images = small.data.test.images[:7].astype("float32")
    (logits,) = session.run(None, {taken.name: images})
    np.testing.assert_allclose(logits, model(images), rtol=1e-4, atol=1e-4)


def test_unsupported_operation(betainc, small, tmp_path):
    with pytest.raises(UserError, match="'onnx' does not support the operation Betainc;"):
        small.write("onnx", tmp_path / "model.onnx", deployable(betainc))
    assert not [*tmp_path.iterdir()]

"""LiteRT files: numbers in and out, precision, class names, and what LiteRT cannot do."""

import zipfile

import numpy as np
import pytest

from distill.errors import UserError
from distill.export import deployable
from distill.export.litert import calibration

pytest.importorskip("ai_edge_litert")


def details(path):
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(str(path))
    model.allocate_tensors()
    return model.get_input_details()[0], model.get_output_details()[0], model.get_tensor_details()


def test_float_in_and_out(files):
    taken, given, _ = details(files["litert"])
    assert (taken["shape"].tolist(), taken["dtype"]) == ([1, 8, 8, 1], np.float32)
    assert (given["shape"].tolist(), given["dtype"]) == ([1, 10], np.float32)


def test_int8_takes_the_bytes_of_an_image(files):
    taken, given, tensors = details(files["litert-int8"])
    assert (taken["dtype"], taken["quantization"]) == (np.uint8, (1.0, 0))
    assert given["dtype"] == np.int8
    assert not [each for each in tensors if np.issubdtype(each["dtype"], np.floating)]


@pytest.mark.parametrize(
    ("name", "dtype"), [("litert-float16", np.float16), ("litert-dynamic", np.int8)]
)
def test_weights_are_smaller(name, dtype, small, tmp_path):
    from distill.models import build_model

    model = build_model("mlp", (8, 8, 1), 10, hidden=64, depth=1)  # LiteRT leaves small weights
    _, _, tensors = details(small.write(name, tmp_path / "model.tflite", deployable(model)))
    assert dtype in [each["dtype"] for each in tensors if each["shape"].tolist() == [64, 64]]


def test_class_names_are_packed_in(files):
    with zipfile.ZipFile(files["litert"]) as archive:
        assert archive.read("labels.txt").decode().split() == [str(digit) for digit in range(10)]


def test_unsupported_operation(betainc, small, tmp_path):
    with pytest.raises(UserError, match="'litert' does not support the operation Betainc;"):
        small.write("litert", tmp_path / "model.tflite", deployable(betainc))
    assert not [*tmp_path.iterdir()]


def test_calibration_covers_black_and_white():
    images = np.full((300, 4, 4, 1), 7, np.uint8)
    batches = [batch for (batch,) in calibration(images)]
    assert (len(batches), batches[0].shape, batches[0].dtype) == (200, (1, 4, 4, 1), np.float32)
    assert (batches[0].min(), batches[0].max(), np.sum(batches[0] == 7)) == (0, 255, 14)
    assert np.all(np.concatenate(batches[1:]) == 7)
    assert np.all(images == 7)

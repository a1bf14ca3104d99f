"""The check on export: a process of its own, numbers worked out by hand, bounds that bite."""

import dataclasses
import sys

import numpy as np
import pytest

from distill.data import Split
from distill.errors import UserError
from distill.export import checking
from distill.export.checking import FileCheck, check_file, require_close
from distill.export.format import Bounds
from distill.export.formats import FORMATS


@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_a_file_in_its_own_process(name, files, small):
    format, test = FORMATS[name], small.data.test
    check = check_file(files[name], format, test, small.logits, threads=2)
    assert (check.format, check.examples, check.output, check.threads) == (name, 100, "logits", 2)
    assert check.difference < 1e-4 * check.largest
    assert check.largest == np.abs(small.logits).max()
    assert check.agreement == 1.0
    correct = small.logits.argmax(-1) == test.labels
    assert check.accuracy == check.keras_accuracy == correct.mean()
    assert check.file_bytes == files[name].stat().st_size
    assert 0 < check.median_ms <= check.p95_ms
    require_close(check, format)


def test_wilsons_interval_and_a_wrong_reference(files, small):
    wrong = np.roll(small.logits, 1, axis=-1)
    check = check_file(files["litert"], FORMATS["litert"], small.data.test, wrong)
    # Wilson (1927): centre and half width from their formula.
    n, p, z = 100, check.accuracy, 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    np.testing.assert_allclose(check.accuracy_interval, (centre - half, centre + half))
    assert (check.agreement, check.keras_accuracy) == (0.0, pytest.approx(0.0, abs=0.1))
    with pytest.raises(UserError, match=r"its logits differ by up to .* is allowed; choose"):
        require_close(check, FORMATS["litert"])


def test_the_process_does_not_import_this_package(files, small):
    assert "distill" in sys.modules
    outputs, result = checking._run(files["onnx"], FORMATS["onnx"], small.data.test.images, 1)
    assert result["distill_imported"] is False
    assert outputs.shape == (100, 10)


def test_a_file_that_does_not_run(small, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    path.write_text("no model")
    with pytest.raises(
        UserError, match=r"^The onnx file does not run in its runtime \(.*\); .*"
    ) as e:
        check_file(path, FORMATS["onnx"], small.data.test, small.logits)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [(np.zeros((100, 9)), "returns shape"), (np.full((100, 10), np.nan), "not finite numbers")],
)
def test_outputs_that_are_refused(outputs, message, small, monkeypatch, tmp_path):
    monkeypatch.setattr(checking, "_run", lambda *_: (outputs, {"output": "logits"}))
    with pytest.raises(UserError, match=message):
        check_file(tmp_path, FORMATS["litert"], small.data.test, small.logits)


def test_probabilities_are_compared_with_probabilities(monkeypatch, tmp_path):
    result = {
        "output": "probabilities",
        "runtime": "x",
        "latency": {"median_ms": 1.0, "p95_ms": 1.0, "calls": 1},
        "peak_memory_bytes": None,
        "memory_before_bytes": None,
    }
    monkeypatch.setattr(checking, "_run", lambda *_: (np.array([[0.5, 0.5], [0.9, 0.1]]), result))
    test = Split(np.zeros((2, 1, 1, 1), np.uint8), np.array([1, 0], np.int32))
    check = check_file(tmp_path, FORMATS["litert"], test, np.array([[0.0, 0.0], [0.0, 0.0]]))
    assert (check.difference, check.largest, check.accuracy) == (pytest.approx(0.4), 0.5, 0.5)


CHECK = FileCheck(
    format="x",
    runtime="x",
    output="logits",
    examples=100,
    difference=0.02,
    largest=10.0,
    agreement=0.94,
    accuracy=0.85,
    accuracy_interval=(0.8, 0.9),
    keras_accuracy=0.9,
    median_ms=1.0,
    p95_ms=1.0,
    calls=1,
    threads=1,
    file_bytes=1,
    peak_memory_bytes=None,
    memory_before_bytes=None,
)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(difference=0.0021), None),
        (Bounds(difference=0.0019), "logits differ by up to 0.02 .* and 0.019 is allowed"),
        (Bounds(agreement=0.94), None),
        (Bounds(agreement=0.95), "class on 94.0% of 100 test images, and 95% is required"),
        (Bounds(accuracy_loss=0.06), None),
        (Bounds(accuracy_loss=0.04), "accuracy is 85.0% and the Keras model's 90.0%, and a loss"),
    ],
)
def test_bounds(bounds, message):
    format = dataclasses.replace(FORMATS["onnx"], bounds=bounds)
    if message is None:
        require_close(CHECK, format)
        return
    with pytest.raises(UserError, match=message):
        require_close(CHECK, format)


def test_one_image_is_always_allowed():
    format = dataclasses.replace(FORMATS["onnx"], bounds=Bounds(accuracy_loss=0.0))
    require_close(dataclasses.replace(CHECK, accuracy=0.89), format)
    with pytest.raises(UserError, match="accuracy"):
        require_close(dataclasses.replace(CHECK, accuracy=0.88), format)

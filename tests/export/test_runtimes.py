"""Runtimes: the same numbers from each, in batches that it takes; the program by itself."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from distill.export import runtimes
from distill.export.format import quiet
from distill.export.formats import FORMATS
from distill.export.runtimes import Runnable, main, peak_memory, run_all


@pytest.mark.parametrize("name", ["litert", "litert-int8", "onnx", "saved-model"])
def test_each_runtime(name, files, small):
    with quiet():
        model = runtimes.RUNTIMES[FORMATS[name].runtime](files[name], None)
    assert (model.image_shape, model.classes, model.output) == ((8, 8, 1), 10, "logits")
    assert model.batch == (1 if name.startswith("litert") else 0)
    assert model.version.split()[0] in ("TensorFlow", "LiteRT", "ONNX")
    outputs = run_all(model, small.data.test.images)
    assert (outputs.shape, outputs.dtype) == ((100, 10), np.float32)
    tolerance = 0.1 * np.abs(small.logits).max() if name == "litert-int8" else 1e-4
    np.testing.assert_allclose(outputs, small.logits, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("most", "expected"), [(0, [32, 32, 6]), (20, [20, 20, 20, 10])])
def test_batches(most, expected):
    seen = []

    def run(batch):
        seen.append(len(batch))
        return batch.reshape(len(batch), -1).astype("float32")

    images = np.arange(70).reshape(70, 1, 1, 1)
    outputs = run_all(Runnable(run, (1, 1, 1), 1, "logits", most, ""), images)
    assert seen == expected
    np.testing.assert_array_equal(outputs.ravel(), np.arange(70))


def test_the_program_reports_what_it_measured(monkeypatch, tmp_path):
    model = Runnable(lambda batch: batch[:, 0, :, 0] * 2.0, (1, 3, 1), 3, "logits", 0, "Fake 1")
    monkeypatch.setitem(runtimes.RUNTIMES, "fake", lambda path, threads: model)
    images = np.arange(6, dtype=np.uint8).reshape(2, 1, 3, 1)
    np.save(tmp_path / "images.npy", images)
    files = {"images": "images.npy", "outputs": "outputs.npy", "result": "result.json"}
    job = {name: str(tmp_path / file) for name, file in files.items()}
    main({**job, "path": "x", "runtime": "fake", "threads": 1})
    np.testing.assert_array_equal(np.load(job["outputs"]), [[0, 2, 4], [6, 8, 10]])
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["runtime"], result["output"]) == ("Fake 1", "logits")
    latency = result["latency"]
    assert (latency["batch"], latency["calls"]) == (1, 200)
    assert 0 < latency["median_ms"] <= latency["p95_ms"]
    assert result["peak_memory_bytes"] >= result["memory_before_bytes"] > 1e6


def test_memory_grows_with_what_is_held():
    before = peak_memory()
    held = np.ones(200_000_000 // 8)
    assert peak_memory() - before > 50_000_000 or peak_memory() > held.nbytes


def test_the_program_imports_nothing_of_this_package():
    tree = ast.parse(Path(runtimes.__file__).read_text("utf-8"))
    names = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    names += [
        one.name for each in ast.walk(tree) if isinstance(each, ast.Import) for one in each.names
    ]
    assert not [name for name in names if name.startswith("distill")]

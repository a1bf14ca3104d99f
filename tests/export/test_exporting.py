"""`export`: what it leaves, that it replaces, and that a failure leaves nothing."""

import dataclasses
import json

import numpy as np
import pytest

from distill.data import Split
from distill.errors import UserError
from distill.export import FORMATS, export, exporting
from distill.export.format import Bounds

pytest.importorskip("ai_edge_litert")


def run(small, folder, format="litert", **more):
    data = small.data
    given = {"class_names": data.class_names, "test": data.test} | more
    return export(small.model, folder, format, training_images=data.train.images, **given)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_what_is_left(small, tmp_path):
    done = run(small, tmp_path / "deep")
    folder = tmp_path / "deep" / "litert"
    assert done.path == folder / "model.tflite"
    assert names(folder) == ["export.json", "labels.txt", "model.tflite"]
    assert names(tmp_path / "deep") == ["litert"]
    assert (folder / "labels.txt").read_text() == "".join(f"{digit}\n" for digit in range(10))
    about = json.loads((folder / "export.json").read_text())
    assert about["input"] == ["batch", 8, 8, 1]
    assert about["check"]["agreement"] == done.check.agreement == 1.0
    assert about["check"]["accuracy_interval"] == [*done.check.accuracy_interval]
    assert about["bounds"]["difference"] == FORMATS["litert"].bounds.difference
    (folder / "old").touch()
    again = run(small, tmp_path / "deep", softmax=True)
    assert again.check.output == "probabilities"
    assert names(folder) == ["export.json", "labels.txt", "model.tflite"]


def test_a_failure_leaves_what_was_there(small, tmp_path, monkeypatch):
    strict = dataclasses.replace(FORMATS["litert"], bounds=Bounds(agreement=1.1))
    (tmp_path / "litert").mkdir()
    (tmp_path / "litert" / "old").touch()
    monkeypatch.setattr(exporting, "get_format", lambda name: strict)
    with pytest.raises(UserError, match="The litert file is not kept, because it predicts"):
        run(small, tmp_path)
    assert names(tmp_path) == ["litert"]
    assert names(tmp_path / "litert") == ["old"]


def test_resizing_inside(small, tmp_path):
    from distill.data import resize

    def larger(images):
        return np.concatenate([resize(part, 12).numpy() for part in np.array_split(images, 4)])

    test = Split(larger(small.data.test.images), small.data.test.labels)
    done = export(
        small.model,
        tmp_path,
        "litert",
        small.data.class_names,
        test,
        larger(small.data.train.images[:8]),
        input_size=12,
    )
    assert json.loads((done.path.parent / "export.json").read_text())["input"][1:] == [12, 12, 1]
    assert done.check.accuracy == done.check.keras_accuracy > 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_names": ["a"] * 9}, "9 class names .* 10 outputs; give one"),
        ({"class_names": ["a"] * 9 + ["b\nc"]}, r"'b\\nc' does not fit into a line"),
        (
            {"test": Split(np.zeros((2, 8, 8, 1), np.uint8), np.array([0, -1], np.int32))},
            "without label",
        ),
        (
            {"test": Split(np.zeros((2, 9, 9, 1), np.uint8), np.array([0, 1], np.int32))},
            r"test images are uint8 of shape \(2, 9, 9, 1\), and must be uint8 of shape",
        ),
        ({"format": "caffe"}, "Unknown format 'caffe'"),
        ({"threads": 0}, "threads is 0, and must be a whole number, at least 1"),
    ],
)
def test_mistakes(given, message, small, tmp_path):
    with pytest.raises(UserError, match=message):
        run(small, tmp_path, **given)
    assert not [*tmp_path.iterdir()]

"""Predictions from every kind of file, and files that cannot be used."""

import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from distill.errors import UserError
from distill.export import predictor as predictor_file
from distill.export.format import quiet
from distill.export.predictor import open_predictor


@pytest.mark.parametrize(
    "name", ["litert", "litert-int8", "onnx", "saved-model", "keras", "keras-softmax"]
)
def test_every_kind_of_file(name, files, small, tmp_path):
    if name.startswith("keras"):
        from distill.export import deployable

        path = tmp_path / "model.keras"
        model = deployable(small.model, softmax=True) if "softmax" in name else small.model
        with quiet():
            model.save(path)
    else:
        path = files[name]
    predictor = open_predictor(path, [f"digit {number}" for number in range(10)])
    assert predictor.named
    probabilities = predictor.probabilities(small.data.test.images)
    expected = softmax(small.logits, axis=-1)
    tolerance = 0.25 if name == "litert-int8" else 1e-4
    np.testing.assert_allclose(probabilities, expected, atol=tolerance)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)


def test_names_come_from_labels_beside_the_file(files, tmp_path):
    path = shutil.copy(files["onnx"], tmp_path)
    assert open_predictor(path).class_names == tuple(map(str, range(10)))
    assert not open_predictor(path).named
    (tmp_path / "labels.txt").write_text("\n".join("abcdefghij"), "utf-8")
    assert open_predictor(path).class_names == tuple("abcdefghij")
    (tmp_path / "export.json").write_text('{"file": "model.onnx"}')
    assert open_predictor(tmp_path).class_names == tuple("abcdefghij")
    (tmp_path / "labels.txt").write_text("a\nb\n", "utf-8")
    with pytest.raises(UserError, match=r"There are 2 lines of .*labels\.txt and .* 10 outputs"):
        open_predictor(path)
    (tmp_path / "export.json").write_text("[]")
    with pytest.raises(UserError, match="damaged; export the model again"):
        open_predictor(tmp_path)


@pytest.mark.parametrize("content", [b"", b"just text, no model\n" * 9])
@pytest.mark.parametrize("file", ["m.keras", "m.tflite", "m.onnx", "m/saved_model.pb"])
def test_files_that_are_no_models(file, content, tmp_path):
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be loaded") as error:
        open_predictor(path.parent if file.startswith("m/") else path)
    assert "\n" not in str(error.value)


def test_paths_that_are_no_models(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="There is no file or folder nowhere"):
        open_predictor("nowhere")
    with pytest.raises(UserError, match="neither a complete run nor a SavedModel"):
        open_predictor(tmp_path)
    (tmp_path / "model.h5").touch()
    with pytest.raises(UserError, match=r"unknown kind; give a \.keras, \.tflite, \.onnx file"):
        open_predictor(tmp_path / "model.h5")
    monkeypatch.setitem(predictor_file._NEEDS, "litert", "no_such_runtime")
    (tmp_path / "model.tflite").touch()
    with pytest.raises(UserError, match=r"A \.tflite file needs .*run pip install no-such-runtime"):
        open_predictor(tmp_path / "model.tflite")


def test_images_are_upright_and_have_the_models_size(files, tmp_path):
    predictor = open_predictor(files["onnx"])
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned by 90° clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    read = predictor.read(tmp_path / "turned.png")
    assert (read.shape, read.dtype) == ((8, 8, 1), np.uint8)
    assert np.all(read[:, :3] < 10)
    assert np.all(read[:, 5:] > 245)  # what was above is on the right
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UserError, match=r"text\.png cannot be read"):
        predictor.read(tmp_path / "text.png")

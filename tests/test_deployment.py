"""`export` and `predict` on runs that were really trained: tables, JSON, CSV, exit status."""

import csv
import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from distill import deployment
from distill.commands import main
from distill.data import load_digits
from distill.export import FORMATS
from distill.export.format import Bounds
from distill.files import read_json, write_json
from distill.runs import Role
from distill.training.spec import make_spec
from distill.training.train import train

pytest.importorskip("ai_edge_litert")
pytest.importorskip("tf2onnx")


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    """The folder of a baseline that was really trained."""
    recipe = small.with_values({"student.baseline.epochs": 8}).with_seed(0)
    return train(make_spec(Role.BASELINE, recipe, tmp_path_factory.mktemp("runs")), {}).folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number, image in enumerate(load_digits().test.images[:3]):
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    return folder


def test_export_of_a_run(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["export", str(run), "--format", "litert", "onnx"]) == 0
    shown = capsys.readouterr().out
    assert f"written: {run / 'export' / 'litert' / 'model.tflite'}" in shown
    table = shown[shown.index("format ") :].splitlines()
    assert max(map(len, table)) <= 80
    assert [line.split()[0] for line in table[1:3]] == ["litert", "onnx"]
    assert "…" not in shown
    assert "359 test images" in shown
    assert main(["export", str(run), "--format", "onnx", "--softmax"]) == 0
    assert "replaced: " in capsys.readouterr().out
    about = read_json(run / "export" / "onnx" / "export.json")
    # The accuracy that training found, in another runtime.
    found = read_json(run / "metrics.json")["last"]["test"]["accuracy"]
    assert about["check"]["accuracy"] == pytest.approx(found)
    assert about["check"]["output"] == "probabilities"
    assert (run / "export" / "onnx" / "labels.txt").read_text().split() == [*"0123456789"]


def test_a_failure_keeps_the_formats_before_it(run, capsys, monkeypatch, tmp_path):
    strict = dataclasses.replace(FORMATS["onnx"], bounds=Bounds(agreement=1.1))
    monkeypatch.setitem(FORMATS, "onnx", strict)
    command = ["export", str(run), "--format", "litert", "onnx", "--output", str(tmp_path)]
    assert main(command) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: The onnx file is not kept")
    assert error.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["litert"]
    assert "litert " in out


def test_a_missing_extra(run, capsys, monkeypatch):
    missing = dataclasses.replace(FORMATS["onnx"], needs=("no_such_module",))
    monkeypatch.setitem(FORMATS, "onnx", missing)
    assert main(["export", str(run), "--format", "onnx"]) == 2
    error = capsys.readouterr().err
    assert "The format 'onnx' needs packages that are missing; run pip install no-such-module." in (
        error
    )


def test_changed_data_and_a_damaged_run(run, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("export"))
    settings = read_json(folder / "settings.json")
    settings["identity"]["data"] = "other"
    write_json(folder / "settings.json", settings)
    assert main(["export", str(folder), "--format", "saved-model"]) == 2
    assert "The data set 'digits' has changed since" in capsys.readouterr().err
    (folder / "student.keras").write_text("broken")
    for command in ("export", "predict"):
        more = ["--format", "saved-model"] if command == "export" else [str(run / "x.png")]
        (run / "x.png").touch()
        assert main([command, str(folder), *more]) == 2
        error = capsys.readouterr().err
        assert "student.keras is missing or damaged" in error
        assert error.count("\n") == 1


def test_predictions_of_a_run(run, images, capsys):
    assert main(["predict", str(run), str(images), "--json", "--top", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in found] == [
        str(images / f"{number}.png") for number in range(3)
    ]
    logits = np.load(run / "predictions.npz")["last_test"][:3]
    for each, row in zip(found, logits, strict=True):
        probabilities = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        shown = {one["class"]: one["probability"] for one in each["predictions"]}
        np.testing.assert_allclose([shown[str(k)] for k in range(10)], probabilities, rtol=1e-3)
        assert [*shown.values()] == sorted(shown.values(), reverse=True)


def test_table_and_csv(run, images, capsys):
    assert main(["predict", str(run / "student.keras"), str(images / "0.png")]) == 0
    out, error = capsys.readouterr()
    assert "1." in out
    assert "%" in out
    assert not error
    assert main(["predict", str(run), str(images), "--csv", "--top", "2"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["rank"] for row in rows] == ["1", "2"] * 3
    assert set(rows[0]) == {"file", "rank", "class", "probability"}


def test_unreadable_images_are_named_and_the_others_predicted(run, images, tmp_path, capsys):
    folder = shutil.copytree(images, tmp_path / "images")
    (folder / "bad.png").write_text("no image")
    assert main(["predict", str(run), str(folder), "--json"]) == 1
    out, error = capsys.readouterr()
    assert len(json.loads(out)) == 3
    assert error == f"error: The image {folder / 'bad.png'} cannot be read; repair or remove it.\n"
    assert main(["predict", str(run), str(folder / "bad.png")]) == 1
    assert capsys.readouterr().out == ""


def test_an_old_run_without_class_names(run, images, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "run")
    settings = read_json(folder / "settings.json")
    assert settings.pop("class_names") == [*"0123456789"]
    write_json(folder / "settings.json", settings)
    assert main(["predict", str(folder), str(images), "--csv"]) == 0
    error = capsys.readouterr().err
    assert error.startswith(f"note: {folder} has no class names")
    assert error.count("\n") == 1


def test_sizes_and_times_are_short():
    assert [deployment._bytes(each) for each in (999, 1234, 1.5e6, 2e9)] == [
        "999 B",
        "1.23 kB",
        "1.5 MB",
        "2 GB",
    ]
    assert [deployment._milliseconds(each) for each in (0.00471, 9.87, 123.4)] == [
        "0.0047",
        "9.9",
        "123",
    ]

"""Files: written whole or not at all, read with one sentence about what is wrong."""

import hashlib
import json
import zipfile

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.files import (
    file_hash,
    load_model,
    read_arrays,
    read_history,
    read_json,
    replacing,
    replacing_folder,
    write_arrays,
    write_json,
    write_text,
)


def test_a_file_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half a fi")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["metrics.json"]


def test_what_is_written_is_read(tmp_path):
    write_json(tmp_path / "a.json", {"name": "±", "values": [1, None]})
    assert read_json(tmp_path / "a.json") == {"name": "±", "values": [1, None]}
    write_text(tmp_path / "a.txt", "±\n")
    assert (tmp_path / "a.txt").read_text("utf-8") == "±\n"
    write_arrays(tmp_path / "a.npz", x=np.arange(3), y=np.float32([0.5]))
    arrays = read_arrays(tmp_path / "a.npz")
    assert (arrays["x"].tolist(), arrays["y"].dtype) == ([0, 1, 2], np.float32)


def test_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # printf abc | sha256sum
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_hash(tmp_path / "a") == expected == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe"])
def test_damaged_json(content, tmp_path):
    path = tmp_path / "metrics.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"metrics\.json is missing or damaged.*--retrain"):
        read_json(path)


@pytest.mark.parametrize("content", [None, "", "epoch,loss\n", "epoch,loss\n0,much\n", "e,l\n0\n"])
def test_damaged_history(content, tmp_path):
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"history\.csv is missing or damaged"):
        read_history(path)
    path.write_text("epoch,loss\n0,0.5\n1,0.25\n")
    assert read_history(path) == {"epoch": [0.0, 1.0], "loss": [0.5, 0.25]}


@pytest.mark.parametrize("content", [None, b"", b"a text", b"PK\x03\x04 broken", "pickle", "half"])
def test_damaged_arrays(content, tmp_path):
    path = tmp_path / "predictions.npz"
    if content == "pickle":
        np.savez(path, a=np.array([{}], dtype=object))
    elif content == "half":
        np.savez(path, a=np.arange(1000))
        path.write_bytes(path.read_bytes()[:900])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"predictions\.npz is missing or damaged"):
        read_arrays(path)


class TestLoadModel:
    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match=r"There is no model file .*gone\.keras"):
            load_model(tmp_path / "gone.keras")
        with pytest.raises(UserError, match="There is no model file"):
            load_model(tmp_path)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"", "it is empty"), (b"a text", "it is no zip"), (b"PK\x03\x04 broken", "it is no zip")],
    )
    def test_no_model(self, tmp_path, content, reason):
        path = tmp_path / "bad.keras"
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"bad\.keras cannot be loaded \({reason}"):
            load_model(path)

    def test_truncated(self, tmp_path):
        path = tmp_path / "half.keras"
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(300)]).save(path)
        path.write_bytes(path.read_bytes()[:-400])
        with pytest.raises(UserError, match=r"half\.keras cannot be loaded .* only a part of one"):
            load_model(path)

    def test_weights_missing_inside(self, tmp_path):
        path = tmp_path / "whole.keras"
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).save(path)
        with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "p.keras", "w") as part:
            part.writestr("config.json", whole.read("config.json"))
            part.writestr("metadata.json", whole.read("metadata.json"))
        with pytest.raises(UserError, match=r"p\.keras cannot be loaded"):
            load_model(tmp_path / "p.keras")

    def test_code_in_the_file_is_not_run(self, tmp_path):
        path = tmp_path / "code.keras"
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        model.add(keras.layers.Lambda(lambda x: x * 2))
        model.save(path)
        with pytest.raises(UserError, match=r"has Lambda layers \('lambda'\), whose Python code"):
            load_model(path)

    def test_something_else_that_keras_saves(self, tmp_path):
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        keras.saving.save_model(keras.Sequential([keras.Input((2,)), layer]), tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as whole:
            contents = {name: whole.read(name) for name in whole.namelist()}
        contents["config.json"] = json.dumps(keras.saving.serialize_keras_object(layer)).encode()
        with zipfile.ZipFile(tmp_path / "layer.keras", "w") as other:
            for name, content in contents.items():
                other.writestr(name, content)
        with pytest.raises(UserError, match=r"layer\.keras"):
            load_model(tmp_path / "layer.keras")


def test_a_folder_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "deep" / "export"
    with replacing_folder(path) as temporary:
        (temporary / "new").touch()
        assert not path.exists()
    assert [each.name for each in path.iterdir()] == ["new"]
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:  # noqa: PT012
        (temporary / "half").touch()
        raise RuntimeError
    assert [each.name for each in path.iterdir()] == ["new"]
    with replacing_folder(path) as temporary:
        (temporary / "newer").touch()
    assert [each.name for each in path.iterdir()] == ["newer"]
    assert [each.name for each in path.parent.iterdir()] == ["export"]


def test_lambda_layers_inside_a_model_inside_are_named(tmp_path):
    odd = keras.layers.Lambda(lambda x: x, name="odd")
    inner = keras.Sequential([keras.Input((2,)), odd])
    keras.Sequential([keras.Input((2,)), inner]).save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"has Lambda layers \('odd'\)"):
        load_model(tmp_path / "model.keras")

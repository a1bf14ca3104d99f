"""Run folders: found by what they depend on, never half written, refused by name."""

import hashlib
import json
import zipfile

import keras
import pytest

from distill.errors import UserError
from distill.run_folder import (
    completed,
    key_of,
    load_model,
    locked,
    read_history,
    read_json,
    replacing,
    run_folder,
    set_aside,
    write_json,
    write_settings,
)

IDENTITY = {"role": "student", "seed": 3, "options": {"hidden": 8, "depth": 1}, "alpha": 0.1}


def test_key_depends_on_values_not_on_order():
    turned = dict(reversed(IDENTITY.items())) | {"options": {"depth": 1, "hidden": 8}}
    assert key_of(turned) == key_of(IDENTITY)
    others = [{"seed": 4}, {"alpha": 0.2}, {"options": {"hidden": 9, "depth": 1}}, {"more": None}]
    keys = {key_of(IDENTITY | other) for other in others} | {key_of(IDENTITY)}
    assert len(keys) == 5


@pytest.mark.parametrize("dataset", ["mnist", "../photos of cats/", "beans:0.1.0", "~/x"])
def test_folder_stays_inside_runs(dataset, tmp_path):
    folder = run_folder(tmp_path, dataset, "student-mlp", 3, IDENTITY)
    assert folder.parent.parent == tmp_path
    assert folder.name == f"student-mlp-seed3-{key_of(IDENTITY)}"


def test_complete_only_with_metrics(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    write_settings(folder, {}, IDENTITY)
    assert completed(folder, "student", 3, IDENTITY) is None
    (folder / "student.keras").write_bytes(b"abc")
    # printf abc | sha256sum
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    epoch = {"test": {"accuracy": 0.5}, "model_file": "student.keras", "model_sha256": digest}
    metrics = {"last": epoch, "best": epoch}
    write_json(folder / "metrics.json", metrics)
    run = completed(folder, "student", 3, IDENTITY)
    assert run.reused
    assert run.metrics == metrics
    assert run.model_file == folder / "student.keras"
    with pytest.raises(UserError, match="made with other settings"):
        completed(folder, "student", 3, IDENTITY | {"seed": 4})
    (folder / "settings.json").unlink()
    with pytest.raises(UserError, match=r"settings\.json is missing or damaged"):
        completed(folder, "student", 3, IDENTITY)


@pytest.mark.parametrize("damage", [None, b"ab"])
def test_a_complete_run_with_another_model_is_refused(damage, tmp_path):
    write_settings(tmp_path, {}, IDENTITY)
    digest = hashlib.sha256(b"abc").hexdigest()
    epoch = {"model_file": "student.keras", "model_sha256": digest}
    write_json(tmp_path / "metrics.json", {"last": epoch, "best": epoch})
    if damage is not None:
        (tmp_path / "student.keras").write_bytes(damage)
    with pytest.raises(UserError, match=r"student\.keras is missing or damaged"):
        completed(tmp_path, "student", 3, IDENTITY)


@pytest.mark.parametrize("content", [None, "", "epoch,loss\n", "epoch,loss\n0,much\n", "e,l\n0\n"])
def test_damaged_history(content, tmp_path):
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"history\.csv is missing or damaged"):
        read_history(path)
    path.write_text("epoch,loss\n0,0.5\n1,0.25\n")
    assert read_history(path) == {"epoch": [0.0, 1.0], "loss": [0.5, 0.25]}


def test_settings_say_with_what(tmp_path):
    write_settings(tmp_path, {"name": "x"}, IDENTITY)
    settings = read_json(tmp_path / "settings.json")
    assert settings["identity"] == IDENTITY
    assert settings["recipe"] == {"name": "x"}
    assert settings["versions"]["keras"] == keras.__version__
    assert set(settings) == {"identity", "recipe", "versions", "git_commit", "command"}


def test_older_runs_are_numbered(tmp_path):
    for number in (1, 2):
        folder = tmp_path / "run"
        folder.mkdir()
        assert set_aside(folder) == tmp_path / f"run~{number}"
    assert set_aside(tmp_path / "run") is None


def test_two_at_the_same_run(tmp_path):
    with (
        locked(tmp_path / "run"),
        pytest.raises(UserError, match="Another process is training the run in"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        pass


def test_a_file_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half a fi")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}


class TestLoadModel:
    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match=r"There is no model file .*gone\.keras"):
            load_model(tmp_path / "gone.keras")
        with pytest.raises(UserError, match="There is no model file"):
            load_model(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"a text", b"PK\x03\x04 broken"])
    def test_no_model(self, tmp_path, content):
        path = tmp_path / "bad.keras"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"bad\.keras cannot be loaded"):
            load_model(path)

    def test_truncated(self, tmp_path):
        path = tmp_path / "half.keras"
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(300)]).save(path)
        path.write_bytes(path.read_bytes()[:-400])
        with pytest.raises(UserError, match=r"half\.keras cannot be loaded"):
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
        with pytest.raises(UserError, match="without custom code"):
            load_model(path)

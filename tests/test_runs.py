"""Run folders: found by what they depend on, complete or not, refused by name."""

import hashlib
import json

import keras
import numpy as np
import pytest

from distill import runs
from distill.errors import UserError
from distill.files import read_json, write_arrays, write_json
from distill.runs import (
    FORMAT,
    Role,
    Run,
    completed,
    key_of,
    locked,
    open_run,
    read_settings,
    run_folder,
    set_aside,
    taught_by,
    write_settings,
)

IDENTITY = {"role": "baseline", "seed": 3, "options": {"hidden": 8, "depth": 1}, "alpha": 0.1}
RECIPE = {"name": "x", "experiment": {"first_seed": 3}}


def leave_run(folder, identity=IDENTITY, model=b"abc"):
    """Leaves what a complete run has, with something else in the place of its model."""
    folder.mkdir(parents=True)
    write_settings(folder, RECIPE, identity)
    (folder / "student.keras").write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    measured = {split: {"accuracy": 0.5} for split in ("validation", "test")}
    checkpoint = {"epoch": 1, "model_file": "student.keras", "model_sha256": digest, **measured}
    metrics = {"seconds": 1.0, "last": checkpoint, "best": checkpoint}
    write_json(folder / "metrics.json", metrics)
    return metrics


def test_roles_are_texts():
    assert [*Role] == ["teacher", "baseline", "distilled"]
    assert f"{Role.BASELINE}" == "baseline"
    assert json.dumps({"role": Role.TEACHER}) == '{"role": "teacher"}'


def test_class_names_of_new_and_old_runs(tmp_path):
    leave_run(tmp_path / "old")
    assert open_run(tmp_path / "old").class_names() == ()
    write_settings(tmp_path / "old", RECIPE, IDENTITY, ("cat", "dog"))
    run = open_run(tmp_path / "old")
    assert run.class_names() == ("cat", "dog")
    assert run.key == key_of(IDENTITY)


def test_a_key_depends_on_values_not_on_order():
    turned = dict(reversed(IDENTITY.items())) | {"options": {"depth": 1, "hidden": 8}}
    assert key_of(turned) == key_of(IDENTITY)
    others = [{"seed": 4}, {"alpha": 0.2}, {"options": {"hidden": 9, "depth": 1}}, {"more": None}]
    keys = {key_of(IDENTITY | other) for other in others} | {key_of(IDENTITY)}
    assert len(keys) == 5


@pytest.mark.parametrize("dataset", ["mnist", "../photos of cats/", "beans:0.1.0", "~/x", ".."])
def test_a_folder_stays_inside_runs(dataset, tmp_path):
    folder = run_folder(tmp_path, dataset, "baseline-mlp", 3, IDENTITY)
    assert folder.parent.parent == tmp_path
    assert folder.name == f"baseline-mlp-seed3-{key_of(IDENTITY)}"


def test_a_run_is_complete_only_with_metrics(tmp_path):
    folder = tmp_path / "run"
    metrics = leave_run(folder)
    run = completed(folder, IDENTITY)
    assert run == Run(Role.BASELINE, 3, key_of(IDENTITY), folder, metrics, reused=True)
    assert run.model_file == run.file_of("best") == folder / "student.keras"
    assert run.settings()["recipe"] == RECIPE
    with pytest.raises(UserError, match="made with other settings than its name says"):
        completed(folder, IDENTITY | {"seed": 4})
    (folder / "metrics.json").unlink()
    assert completed(folder, IDENTITY) is None
    assert open_run(folder) is None
    assert open_run(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("settings.json", None),
        ("settings.json", "{"),
        ("settings.json", "[]"),
        ("settings.json", f'{{"format": {FORMAT}}}'),
        ("settings.json", f'{{"format": {FORMAT}, "identity": {{"role": "baseline"}}}}'),
        ("settings.json", f'{{"format": {FORMAT}, "identity": {{"role": "x"}}, "recipe": {{}}}}'),
        ("metrics.json", "{"),
        ("metrics.json", "{}"),
        ("metrics.json", "[]"),
        ("metrics.json", '{"last": {}, "best": {}}'),
        ("student.keras", None),
        ("student.keras", "ab"),
    ],
)
def test_a_damaged_run_is_refused_by_name(name, content, tmp_path):
    folder = tmp_path / "run"
    leave_run(folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name} is missing or damaged; .*--retrain"):
        completed(folder, IDENTITY)


def test_each_file_of_a_run_is_read_once(tmp_path, monkeypatch):
    leave_run(tmp_path / "run")
    found = []

    def record(read):
        return lambda path: found.append(path.name) or read(path)

    monkeypatch.setattr(runs, "read_json", record(runs.read_json))
    monkeypatch.setattr(runs, "file_hash", record(runs.file_hash))
    assert completed(tmp_path / "run", IDENTITY)
    assert sorted(found) == ["metrics.json", "settings.json", "student.keras"]


@pytest.mark.parametrize("accuracy", [None, "0.5"])
def test_a_run_without_an_accuracy_is_damaged(accuracy, tmp_path):
    metrics = leave_run(tmp_path / "run")
    metrics["best"]["test"]["accuracy"] = accuracy
    write_json(tmp_path / "run" / "metrics.json", metrics)
    with pytest.raises(UserError, match=r"metrics\.json is missing or damaged"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize("version", [None, 1, FORMAT + 1])
def test_another_format_is_refused_in_one_sentence(version, tmp_path):
    leave_run(tmp_path / "run")
    settings = read_json(tmp_path / "run" / "settings.json")
    settings["format"] = version
    if version is None:
        del settings["format"]
    write_json(tmp_path / "run" / "settings.json", settings)
    for read in (open_run, read_settings):
        with pytest.raises(UserError) as raised:
            read(tmp_path / "run")
        assert str(raised.value) == (
            f"The run in {tmp_path / 'run'} has format {version or 1}, and this version of distill "
            f"reads format {FORMAT}; use the version that made it, or train again."
        )


def test_settings_say_what_a_run_was_made_from(tmp_path):
    write_settings(tmp_path, {"name": "x"}, IDENTITY)
    settings = read_settings(tmp_path)
    assert settings["identity"] == IDENTITY
    assert settings["recipe"] == {"name": "x"}
    assert settings["versions"]["keras"] == keras.__version__
    names = {"format", "identity", "class_names", "recipe", "versions", "git_commit", "command"}
    assert set(settings) == names


def test_predictions_and_labels(tmp_path):
    metrics = leave_run(tmp_path / "run")
    run = open_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"predictions\.npz is missing or damaged"):
        run.predictions("last", "test")
    logits = np.float32([[0.1, 0.9]])
    write_arrays(run.folder / "predictions.npz", last_test=logits, test_labels=np.array([1]))
    np.testing.assert_array_equal(run.predictions("last", "test"), logits.astype("float64"))
    # Last and best are the same epoch, which is stored once.
    np.testing.assert_array_equal(run.predictions("best", "test"), logits.astype("float64"))
    assert run.labels("test").tolist() == [1]
    with pytest.raises(UserError, match=r"predictions\.npz is missing or damaged"):
        run.predictions("last", "validation")
    assert run.metrics == metrics


def test_who_taught_a_student(tmp_path):
    teacher = {"role": "teacher", "seed": 3}
    student = {"role": "distilled", "seed": 3, "teacher": key_of(teacher)}
    folders = {}
    for label, identity in (("teacher-cnn", teacher), ("distilled-mlp", student)):
        folders[label] = run_folder(tmp_path, "digits", label, 3, identity)
        leave_run(folders[label], identity)
    assert taught_by(open_run(folders["distilled-mlp"])).folder == folders["teacher-cnn"]
    assert taught_by(open_run(folders["teacher-cnn"])) is None


def test_older_runs_are_numbered(tmp_path):
    for number in (1, 2):
        folder = tmp_path / "run"
        folder.mkdir()
        assert set_aside(folder) == tmp_path / f"run~{number}"
    assert set_aside(tmp_path / "run") is None


def test_two_processes_at_the_same_run(tmp_path):
    with (
        locked(tmp_path / "run"),
        pytest.raises(UserError, match="Another process is training the run in"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        pass

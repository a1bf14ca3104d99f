"""A whole grid: run, killed, gone on with, run again; failures reported and nothing lost."""

import csv
import io
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from distill import callbacks
from distill.errors import UserError
from distill.experiments.arms import MODELS
from distill.experiments.experiment import run_experiment
from distill.experiments.grid import make_axis
from distill.report.progress import RunProgress
from distill.run_folder import open_run

FILES = ("table.md", "summary.csv", "runs.csv")


def contents(experiment):
    folder = experiment.results.folder
    return {name: (folder / name).read_text("utf-8") for name in FILES}


def test_the_plan_is_printed_first(grid):
    _, printed, _ = grid
    plan = (
        "Plan: 2 settings × 2 seeds, 12 runs (2 teacher, 2 student, 8 distilled). 0 are there "
        "already, 12 to train, about "
    )
    text = " ".join(printed.split())
    assert plan in text
    assert text.index("temperature: 1, 4") < text.index(plan) < text.index("student distilled,")
    assert "control, shuffled teacher: soft targets of another image" in text


def test_what_a_grid_leaves(grid):
    experiment, printed, folder = grid
    assert not experiment.failures
    results = experiment.results
    assert not results.missing
    assert results.folder.parent == folder / "digits"
    for name in (*FILES, "results.json", "report.html", "tensorboard"):
        assert (results.folder / name).exists(), name
    assert f"Report: {results.folder / 'report.html'}" in printed
    assert len(list((results.folder / "tensorboard").rglob("events.out.tfevents.*"))) == 4


def test_tables_say_what_the_runs_files_say(grid):
    """From metrics.json of every run, by other means than the tables are made with."""
    experiment, _, folder = grid
    found = {}
    for path in (folder / "digits").glob("*/metrics.json"):
        settings = json.loads((path.parent / "settings.json").read_text())
        identity, metrics = settings["identity"], json.loads(path.read_text())
        kind = identity["role"]
        if kind == "distilled":
            kind += f" {identity['temperature']:g} {identity['soft_targets']}"
        found.setdefault(kind, {})[identity["seed"]] = metrics["last"]["test"]["accuracy"]
    rows = list(csv.DictReader(io.StringIO(contents(experiment)["summary.csv"])))
    assert len(rows) == 8
    kinds = {
        "teacher": "teacher",
        "student from labels": "student",
        "student distilled": "distilled {} own",
        "shuffled teacher": "distilled {} shuffled",
    }
    for row in rows:
        values = found[kinds[row["model"]].format(row["temperature"])]
        assert float(row["mean accuracy"]) == pytest.approx(np.mean([*values.values()]))
        assert float(row["std"]) == pytest.approx(np.std([*values.values()], ddof=1))
        if row["model"] == "student distilled":
            differences = [values[seed] - found["student"][seed] for seed in (0, 1)]
            assert float(row["difference"]) == pytest.approx(np.mean(differences))
    assert len(contents(experiment)["runs.csv"].splitlines()) == 1 + 16
    for temperature in ("1", "4"):
        values = np.array([*found[f"distilled {temperature} own"].values()]) * 100
        cell = f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"
        (line,) = [line for line in contents(experiment)["table.md"].splitlines()
                   if line.replace("*", "").startswith(f"| {temperature} |")]  # fmt: skip
        assert cell in line


def test_tensorboard_has_hyperparameters_and_accuracies_of_each_session(grid):
    results = grid[0].results
    found = {}
    for folder in (results.folder / "tensorboard").iterdir():
        events = EventAccumulator(str(folder)).Reload()
        (text,) = (
            value for name, value in events.PluginTagToContent("hparams").items()
            if name == "_hparams_/session_start_info"
        )  # fmt: skip
        session = plugin_data_pb2.HParamsPluginData.FromString(text).session_start_info
        values = {name: value.number_value for name, value in session.hparams.items()}
        (accuracy,) = events.Tensors("test accuracy/student distilled")
        key = values["temperature"], values["seed"]
        found[key] = float(tf.make_ndarray(accuracy.tensor_proto))
    assert len(found) == 4
    for cell in results.cells:
        for run in cell.runs["distilled"]:
            accuracy = found[cell.setting["temperature"], run.seed]
            assert accuracy == pytest.approx(run.metrics["last"]["test"]["accuracy"])


def test_again_everything_is_found(grid, small, run_small, tmp_path):
    experiment, _, original = grid
    folder = tmp_path / "runs"
    shutil.copytree(original, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")}
    again, printed = run_small(small, folder)
    assert "12 are there already, 0 to train" in printed
    assert contents(again) == contents(experiment)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")} == before
    assert all(run.reused for cell in again.results.cells for runs in cell.runs.values()
               for run in runs)  # fmt: skip


class Killed(BaseException):
    pass


def test_killed_at_three_moments_it_ends_with_the_same_tables(
    grid, changed, run_small, tmp_path, monkeypatch
):
    """Between two runs, between two epochs, and while results are written."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SECONDS", 0.0)
    finish, epochs, runs = RunProgress.finished, [], tmp_path / "runs"
    recipe = changed(seeds=1)
    shutil.copytree(grid[2], tmp_path / "never killed")
    unharmed, printed = run_small(recipe, tmp_path / "never killed")
    assert "6 are there already, 0 to train" in printed

    def kill_after_two_runs(self):
        finish(self)
        if self._finished == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunProgress, "finished", kill_after_two_runs)
        with pytest.raises(Killed):
            run_small(recipe, runs)

    class KillInSecondEpoch(callbacks.Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            epochs.append(epoch)
            if len(epochs) == 5:
                raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("distill.training.Checkpoint", KillInSecondEpoch)
        with pytest.raises(Killed):
            run_small(recipe, runs)
    assert list(runs.rglob("checkpoint-*"))

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("distill.experiments.write.write_page", kill)
        with pytest.raises(Killed):
            run_small(recipe, runs)
    experiment, printed = run_small(recipe, runs)
    assert "6 are there already, 0 to train" in printed
    assert contents(experiment) == contents(unharmed)
    assert len(list(runs.glob("digits/*/metrics.json"))) == 6


def test_one_failed_run_does_not_end_the_grid(grid, small, run_small, tmp_path):
    """A damaged run: told of, its pair left out, all others used and compared."""
    experiment, _, folder = grid
    shutil.copytree(folder, tmp_path / "runs")
    run = experiment.results.cells[1].runs["distilled"][1]
    damaged = tmp_path / "runs" / run.folder.relative_to(folder)
    (damaged / "student.keras").write_bytes(b"damaged")
    again, printed = run_small(small, tmp_path / "runs")
    (failure,) = again.failures
    assert failure.task.folder == damaged
    assert f"{damaged / 'student.keras'} is missing or damaged" in failure.reason
    assert "1 run failed; the same command tries again:" in printed
    assert "is missing or damaged" in printed.split("Report:")[0]
    results = again.results
    assert results.missing == 1
    assert [len(cell.complete("distilled", "student")) for cell in results.cells] == [2, 1]
    assert "1 run is missing" in (results.folder / "report.html").read_text("utf-8")


def test_a_failing_training_is_told_and_the_others_go_on(changed, run_small, tmp_path):
    """A learning rate at which the loss becomes NaN, at one setting of two."""
    recipe = changed(seeds=1, optimizer="sgd", teacher_learning_rate=0.01)
    axes = (make_axis("learning_rate", (1e30, 0.01)),)
    experiment, printed = run_small(recipe, tmp_path, axes, tuple(MODELS))
    assert {failure.task.recipe.learning_rate for failure in experiment.failures} == {1e30}
    assert "The loss became" in printed
    (bad, good) = experiment.results.cells
    assert good.complete("teacher", "student", "distilled")
    assert not bad.complete("student")
    assert (experiment.results.folder / "report.html").exists()


def test_no_run_at_all_is_a_mistake(changed, tmp_path):
    recipe = changed(seeds=1, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(UserError, match="The loss became"):
        run_experiment(recipe, tmp_path)


def test_fresh_trains_all_anew(changed, run_small, tmp_path):
    recipe = changed(seeds=1, epochs=1)
    axes = (make_axis("temperature", (1.0,)),)
    first, _ = run_small(recipe, tmp_path, axes, ("teacher", "student"))
    again, printed = run_small(recipe, tmp_path, axes, ("teacher", "student"), fresh=True)
    assert "0 are there already, 2 to train" in printed
    assert len(list(tmp_path.glob("digits/*~1/metrics.json"))) == 2
    for older in tmp_path.glob("digits/*~1"):
        weights = [open_run(path).load_model().get_weights() for path in
                   (older, older.with_name(older.name.removesuffix("~1")))]  # fmt: skip
        assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    assert contents(first) == contents(again)


def test_cross_validation_widens_the_interval(changed, run_small, tmp_path):
    recipe = changed(folds=3, seeds=3, epochs=1)
    experiment, printed = run_small(recipe, tmp_path, (), tuple(MODELS))
    assert "3-fold cross-validation, test sets of 599 images" in printed
    rows = list(csv.DictReader(io.StringIO(contents(experiment)["summary.csv"])))
    (row,) = [row for row in rows if row["model"] == "student distilled"]
    runs = experiment.results.cells[0].runs
    pairs = [[run.metrics["last"]["test"]["accuracy"] for run in runs[arm]]
             for arm in ("distilled", "student")]  # fmt: skip
    differences = np.subtract(*pairs)
    # Student's t of 2 degrees: 4.3027; the variance of the mean is std² (1/3 + 1/2).
    reach = 4.30265273 * differences.std(ddof=1) * np.sqrt(1 / 3 + 1 / 2)
    found = float(row["difference high"]) - float(row["difference low"])
    assert found == pytest.approx(2 * reach)
    labels = np.concatenate([run.labels("test") for run in runs["student"]])
    assert len(labels) == 1797  # every image of digits is tested once


def test_the_best_epoch_can_be_shown(grid, changed, run_small, tmp_path):
    experiment, _, original = grid
    folder = tmp_path / "runs"
    shutil.copytree(original, folder)
    again, printed = run_small(changed(shown_epoch="best"), folder)
    assert "12 are there already" in printed
    assert "epoch of best validation accuracy" in printed
    rows = list(csv.DictReader(io.StringIO(contents(again)["runs.csv"])))
    for row in rows:
        run = open_run(folder / "digits" / row["run"])
        assert float(row["test accuracy"]) == run.metrics["best"]["test"]["accuracy"]
    assert again.results.folder.name == experiment.results.folder.name


def test_elsewhere(small, grid):
    """Another place to run is another function: here, one that finds all runs without Keras."""
    folder, seen = grid[2], []

    def elsewhere(tasks, run_one):
        done = {}
        for task in tasks:
            seen.append(task.label)
            done[task.folder] = run_one(task, done)
            yield done[task.folder]

    experiment = run_experiment(small, folder, execute=elsewhere)
    assert len(seen) == 6
    assert not experiment.failures
    assert keras.config.dtype_policy().name == "float32"

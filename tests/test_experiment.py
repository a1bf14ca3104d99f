"""A whole experiment: what it leaves, and that kills and failures lose nothing."""

import csv
import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from distill import experiment, run_experiment
from distill.analysis.sentences import Deployment
from distill.errors import UserError
from distill.experiments.grid import make_axis
from distill.experiments.progress import RunProgress
from distill.experiments.variants import MAIN_VARIANTS
from distill.export import FORMATS
from distill.runs import open_run
from distill.training import checkpoints
from distill.training.events import EpochEnded

FILES = ("table.md", "summary.csv", "runs.csv")
MAIN = tuple(MAIN_VARIANTS)


def contents(outcome):
    folder = outcome.results.folder
    return {name: (folder / name).read_text("utf-8") for name in FILES}


def rows_of(outcome, name):
    return list(csv.DictReader(io.StringIO(contents(outcome)[name])))


def test_what_a_grid_leaves(grid):
    outcome, printed, folder = grid
    assert not outcome.failures
    results = outcome.results
    assert not results.missing
    assert results.folder.parent == folder / "digits"
    for name in (*FILES, "experiment.json", "report.html", "tensorboard"):
        assert (results.folder / name).exists(), name
    assert f"Report: {results.folder / 'report.html'}" in printed
    assert len(list((results.folder / "tensorboard").rglob("events.out.tfevents.*"))) == 4


def test_tables_say_what_the_files_of_the_runs_say(grid):
    """From metrics.json of every run, by other means than the tables are made with."""
    outcome, _, folder = grid
    found = {}
    for path in (folder / "digits").glob("*/metrics.json"):
        settings = json.loads((path.parent / "settings.json").read_text())
        identity, metrics = settings["identity"], json.loads(path.read_text())
        kind = identity["role"]
        if kind == "distilled":
            distillation = settings["recipe"]["distillation"]
            kind += f" {distillation['temperature']:g} {distillation['soft_targets']}"
        found.setdefault(kind, {})[identity["seed"]] = metrics["last"]["test"]["accuracy"]
    rows = rows_of(outcome, "summary.csv")
    assert len(rows) == 8
    kinds = {
        "teacher": "teacher",
        "baseline": "baseline",
        "distilled student": "distilled {} own",
        "shuffled teacher": "distilled {} shuffled",
    }
    for row in rows:
        values = found[kinds[row["model"]].format(row["temperature"])]
        assert float(row["mean accuracy"]) == pytest.approx(np.mean([*values.values()]))
        assert float(row["std"]) == pytest.approx(np.std([*values.values()], ddof=1))
        if row["model"] == "distilled student":
            differences = [values[seed] - found["baseline"][seed] for seed in (0, 1)]
            assert float(row["difference"]) == pytest.approx(np.mean(differences))
    assert len(rows_of(outcome, "runs.csv")) == 16
    lines = contents(outcome)["table.md"].replace("*", "").splitlines()
    for temperature in ("1", "4"):
        values = np.array([*found[f"distilled {temperature} own"].values()]) * 100
        shown = f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"
        (line,) = [line for line in lines if line.startswith(f"| {temperature} |")]
        assert shown in line


def test_tensorboard_has_hyperparameters_and_accuracies_of_each_session(grid):
    results = grid[0].results
    found = {}
    for folder in (results.folder / "tensorboard").iterdir():
        events = EventAccumulator(str(folder)).Reload()
        text = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
        session = plugin_data_pb2.HParamsPluginData.FromString(text).session_start_info
        values = {name: value.number_value for name, value in session.hparams.items()}
        (accuracy,) = events.Tensors("test accuracy/distilled student")
        key = values["temperature"], values["seed"]
        found[key] = float(tf.make_ndarray(accuracy.tensor_proto))
    assert len(found) == 4
    for point in results.points:
        for run in point.runs["distilled"]:
            accuracy = found[point.setting["distillation.temperature"], run.seed]
            assert accuracy == pytest.approx(run.metrics["last"]["test"]["accuracy"])


def test_again_everything_is_found(grid, small, run_small, tmp_path):
    outcome, _, original = grid
    folder = tmp_path / "runs"
    shutil.copytree(original, folder)
    again, printed = run_small(small, folder)
    assert "12 runs reused, 0 to train" in printed
    assert contents(again) == contents(outcome)
    runs = [run for point in again.results.points for each in point.runs.values() for run in each]
    assert all(run.reused for run in runs)


class Killed(BaseException):
    pass


def test_killed_at_three_moments_it_ends_with_the_same_tables(
    grid, changed, run_small, tmp_path, monkeypatch
):
    """Between two runs, between two epochs, and while results are written."""
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    recipe, runs = changed({"experiment.seeds": 1}), tmp_path / "runs"
    axes = (make_axis("temperature", (4.0,)),)
    shutil.copytree(grid[2], tmp_path / "never killed")
    unharmed, printed = run_small(recipe, tmp_path / "never killed", axes, MAIN)
    assert "3 runs reused, 0 to train" in printed
    finish, listen = RunProgress.finished, RunProgress.__call__

    def kill_after_first_run(self):
        finish(self)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunProgress, "finished", kill_after_first_run)
        with pytest.raises(Killed):
            run_small(recipe, runs, axes, MAIN)

    def kill_after_first_epoch_of_second_run(self, event):
        listen(self, event)
        if isinstance(event, EpochEnded) and (self._finished, event.epoch) == (1, 1):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunProgress, "__call__", kill_after_first_epoch_of_second_run)
        with pytest.raises(Killed):
            run_small(recipe, runs, axes, MAIN)
    assert list(runs.rglob("checkpoint-*"))

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("distill.analysis.write.write_page", kill)
        with pytest.raises(Killed):
            run_small(recipe, runs, axes, MAIN)
    outcome, printed = run_small(recipe, runs, axes, MAIN)
    assert "3 runs reused, 0 to train" in printed
    assert contents(outcome) == contents(unharmed)
    assert len(list(runs.glob("digits/*/metrics.json"))) == 3


def test_a_damaged_run_is_told_and_its_pair_left_out(grid, small, run_small, tmp_path):
    outcome, _, folder = grid
    shutil.copytree(folder, tmp_path / "runs")
    run = outcome.results.points[1].runs["distilled"][1]
    damaged = tmp_path / "runs" / run.folder.relative_to(folder)
    (damaged / "student.keras").write_bytes(b"damaged")
    again, printed = run_small(small, tmp_path / "runs")
    (failure,) = again.failures
    assert failure.spec.folder == damaged
    assert f"{damaged / 'student.keras'} is missing or damaged" in failure.reason
    assert "1 run failed; the same command tries again:" in printed
    assert "is missing or damaged" in printed.split("Report:")[0]
    results = again.results
    assert results.missing == 1
    assert [len(point.complete("distilled", "baseline")) for point in results.points] == [2, 1]
    assert "1 run is missing" in (results.folder / "report.html").read_text("utf-8")


def test_if_no_run_succeeds_it_is_an_error(changed, run_small, tmp_path):
    values = {"experiment.seeds": 1, "training.optimizer": "sgd", "training.learning_rate": 1e30}
    with pytest.raises(UserError, match="The loss became"):
        run_small(changed(values), tmp_path, (), ("baseline",))


def test_the_best_epoch_can_be_reported(grid, changed, run_small, tmp_path):
    outcome, _, original = grid
    folder = tmp_path / "runs"
    shutil.copytree(original, folder)
    again, printed = run_small(changed({"experiment.report_checkpoint": "best"}), folder)
    assert "12 runs reused" in printed
    assert "epoch with the best validation accuracy" in printed
    for row in rows_of(again, "runs.csv"):
        run = open_run(folder / "digits" / row["run"])
        assert float(row["test accuracy"]) == run.metrics["best"]["test"]["accuracy"]
    assert again.results.folder.name == outcome.results.folder.name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data.name": "digitss"}, "digitss"),
        ({"student.model": "mlpp"}, "Unknown model 'mlpp'; use one of mlp"),
        ({"training.optimizer_options.momentun": 0.9}, "no option 'momentun'"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(values, message, changed, tmp_path):
    with pytest.raises(UserError, match=message):
        run_experiment(changed(values), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def again(grid, run_small, changed, tmp_path, monkeypatch):
    """Runs the main job of one seed, whose runs are there, and asks for exports; no report."""
    shutil.copytree(grid[2], tmp_path / "runs")
    monkeypatch.setattr(experiment, "write_all", lambda results, console: None)

    def again(*formats):
        recipe = changed({"experiment.seeds": 1, "experiment.export": formats})
        outcome, printed = run_small(recipe, tmp_path / "runs", (), MAIN)
        assert printed.count("reused") == 3
        return outcome, printed

    return again


def test_the_student_is_exported_if_it_can_be_deployed(again, monkeypatch):
    exported = []

    def export_run(folder, formats, checkpoint, console):
        exported.append((folder, formats, checkpoint))
        if len(exported) > 1:
            raise UserError("The file is [too] different.")

    monkeypatch.setattr(experiment, "export_run", export_run)
    monkeypatch.setattr(
        experiment, "deployment", lambda results: Deployment(results.runs("distilled")[0], "")
    )
    outcome, _ = again("saved-model", "onnx")
    (student,) = outcome.results.runs("distilled")
    assert exported == [(student.folder, ["saved-model", "onnx"], "last")]
    assert outcome.not_exported is None
    outcome, printed = again("onnx")
    assert outcome.not_exported == "The file is [too] different."
    assert "not exported The file is [too] different." in printed
    monkeypatch.setattr(experiment, "deployment", lambda results: Deployment(None, "not offered"))
    assert again("onnx")[0].not_exported is None
    assert len(exported) == 2


def test_a_format_without_its_packages_is_named_first(again, monkeypatch):
    missing = dataclasses.replace(FORMATS["onnx"], needs=("no_such_module",))
    monkeypatch.setitem(FORMATS, "onnx", missing)
    outcome, printed = again("onnx")
    assert printed.startswith("note no export as onnx: The format 'onnx' needs packages that are")
    assert outcome.not_exported is None
    with pytest.raises(UserError, match="'coreml'"):
        again("coreml")

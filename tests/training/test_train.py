"""One run: what its folder holds, how it is found again, in this process and in another."""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import shutil

import keras
import numpy as np
import pytest

from distill import Distiller
from distill.data import evaluation_pipeline
from distill.errors import UserError
from distill.runs import Role, completed
from distill.training import train as module
from distill.training.data import data_of
from distill.training.spec import make_spec
from distill.training.train import check_distillation, train, trial

ROLES = ("teacher", "baseline", "distilled")


def weights(run, checkpoint="last"):
    return run.load_model(checkpoint).get_weights()


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def runs_of(trained):
    return [getattr(trained, role) for role in ROLES]


class TestRunFolder:
    def test_what_it_holds(self, trained, tiny):
        for run in runs_of(trained):
            names = {path.name for path in run.folder.iterdir()}
            models = {run.file_of(checkpoint).name for checkpoint in ("last", "best")}
            logs = {"history.csv", "metrics.json", "predictions.npz", "settings.json"}
            assert names == {*models, *logs, "tensorboard"}
            name = "teacher" if run is trained.teacher else "student"
            assert run.model_file.name == f"{name}.keras"
            settings = json.loads((run.folder / "settings.json").read_text())
            assert type(tiny).from_json(json.dumps(settings["recipe"])) == tiny
            assert settings["identity"]["seed"] == 0
            assert settings["versions"]["keras"] == keras.__version__
            assert len(run.history()["val_accuracy"]) == 3
            events = list((run.folder / "tensorboard").rglob("events.out.tfevents.*"))
            assert len(events) == 2
            assert json.loads((run.folder / "metrics.json").read_text()) == run.metrics
        assert "soft_loss" in trained.distilled.history()

    def test_metrics_are_those_of_the_saved_model(self, trained, tiny):
        data = data_of(tiny)
        for run in runs_of(trained)[1:]:
            model = run.load_model()
            for split in ("validation", "test"):
                wrong = 0
                for images, labels in evaluation_pipeline(getattr(data, split), 100):
                    wrong += int(np.sum(np.argmax(model(images), -1) != labels.numpy()))
                assert run.metrics["last"][split]["errors"] == wrong
            assert run.metrics["parameters"] == model.count_params()

    def test_the_student_loads_without_this_package(self, trained):
        for run in runs_of(trained)[1:]:
            assert b"distill" not in run.model_file.read_bytes()


def test_a_teachers_soft_targets_are_stored_once_and_it_is_not_run_again(
    trained, tiny, tmp_path, monkeypatch
):
    def run_teacher(self, inputs):
        raise AssertionError("the teacher was run")

    monkeypatch.setattr(Distiller, "teacher_outputs", run_teacher)
    store = tmp_path / "digits" / "soft_targets"
    shutil.copytree(trained.folder / "digits" / "soft_targets", store)
    recipe = tiny.with_values({"distillation.temperature": 7.0, "training.epochs": 1})
    trained.train("distilled", recipe, tmp_path)
    (stored,) = store.iterdir()
    assert stored.name.startswith(f"{trained.teacher.metrics['last']['model_sha256'][:16]}-")


class TestReuse:
    def test_a_complete_run_is_found_again(self, trained, tiny):
        before = {run.folder: run.model_file.stat().st_mtime_ns for run in runs_of(trained)}
        for role, run in zip(ROLES, runs_of(trained), strict=True):
            again = trained.train(role, tiny, trained.folder)
            assert again.reused
            assert again.metrics == run.metrics
            assert again.model_file.stat().st_mtime_ns == before[again.folder]

    @pytest.mark.parametrize(
        "change",
        [
            {"distillation.temperature": 9.0},
            {"student.model": "cnn"},
            {"data.label_fraction": 0.5},
            {"name": "other"},
        ],
    )
    def test_another_student_has_the_same_teacher(self, change, trained, tiny):
        assert trained.train("teacher", tiny.with_values(change), trained.folder).reused

    def test_a_run_that_another_process_finishes_is_not_trained_again(
        self, trained, tiny, tmp_path, monkeypatch
    ):
        """The other process finishes between the first look and the lock."""
        spec = trained.spec("baseline", tiny, tmp_path)
        looks = []

        def look(folder, identity):
            looks.append(folder)
            found = completed(folder, identity)
            if len(looks) == 1:
                assert found is None
                shutil.copytree(trained.baseline.folder, folder)
            return found

        monkeypatch.setattr(module, "completed", look)
        run = train(spec, {})
        assert looks == [spec.folder] * 2
        assert run.reused
        assert run.metrics == trained.baseline.metrics

    def test_retrain_gives_the_same_model_and_keeps_the_older_run(self, trained, tiny, tmp_path):
        spec = trained.spec("baseline", tiny, tmp_path)
        shutil.copytree(trained.baseline.folder, spec.folder)
        second = train(spec, {}, retrain=True)
        assert second.folder == spec.folder
        assert not second.reused
        older = spec.folder.with_name(f"{spec.folder.name}~1")
        assert (older / "student.keras").exists()
        assert same(weights(trained.baseline), weights(second))

    def test_a_damaged_run_is_refused_by_name(self, trained, tiny, tmp_path):
        spec = trained.spec("baseline", tiny, tmp_path)
        shutil.copytree(trained.baseline.folder, spec.folder)
        whole = (spec.folder / "metrics.json").read_text()
        (spec.folder / "metrics.json").write_text("{")
        with pytest.raises(UserError, match=r"metrics\.json is missing or damaged"):
            train(spec, {})
        (spec.folder / "metrics.json").write_text(whole)
        settings = json.loads((spec.folder / "settings.json").read_text())
        settings["identity"]["seed"] = 5
        (spec.folder / "settings.json").write_text(json.dumps(settings))
        with pytest.raises(UserError, match="made with other settings"):
            train(spec, {})

    def test_a_run_folder_of_the_first_format_is_refused(self, trained, tiny, tmp_path):
        spec = trained.spec("baseline", tiny, tmp_path)
        shutil.copytree(trained.baseline.folder, spec.folder)
        settings = json.loads((spec.folder / "settings.json").read_text())
        del settings["format"]
        (spec.folder / "settings.json").write_text(json.dumps(settings))
        with pytest.raises(UserError, match="has format 1, and this version of distill reads"):
            train(spec, {})


def test_stored_targets_are_those_of_the_views_that_the_student_sees(
    trained, tiny, tmp_path, monkeypatch
):
    """Twice the same run: the second one finds the stored logits."""
    recipe = tiny.with_values({"training.translation": 1, "distillation.views": 2})
    seen, model = [], trained.teacher.load_model()
    true_pipeline = module.training_pipeline

    def pipeline(*arguments, **settings):
        seen.append(true_pipeline(*arguments, **settings))
        return seen[-1]

    monkeypatch.setattr(module, "training_pipeline", pipeline)
    monkeypatch.setattr(Distiller, "teacher_outputs", None)  # to call it would be an error
    first = trained.train("distilled", recipe, tmp_path)
    for images, extra in seen[-1].take(45).skip(42):  # the third pass has the first views
        np.testing.assert_allclose(extra["teacher_logits"], model(images), rtol=1e-3, atol=1e-3)
    store = tmp_path / "digits" / "soft_targets"
    assert len([*store.iterdir()]) == 2
    monkeypatch.setattr("distill.soft_targets.logits_on_batches", None)
    second = trained.train("distilled", recipe, tmp_path, retrain=True)
    assert same(weights(first), weights(second))


def test_views_count_only_for_students_that_see_changed_images(trained, tiny, tmp_path):
    changed = tiny.with_values({"training.translation": 1})
    views = {"distillation.views": 2}
    for recipe, count in ((tiny, 1), (changed, 2)):
        specs = [
            trained.spec("distilled", each, tmp_path)
            for each in (recipe, recipe.with_values(views))
        ]
        assert len({spec.key for spec in specs}) == count
    assert specs[1].stores_targets
    assert not specs[0].stores_targets
    shuffled = changed.with_values({**views, "distillation.soft_targets": "shuffled"})
    assert trained.spec("distilled", shuffled, tmp_path).views is None


def test_specs_and_runs_train_in_another_process(trained, tiny, tmp_path):
    """`train` itself, its arguments and its result are pickled by the standard library."""
    spec, inputs = trained.spec("distilled", tiny, tmp_path), {trained.teacher.key: trained.teacher}
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        there = pool.submit(train, spec, inputs).result()
    here = trained.distilled
    assert not there.reused
    assert there.folder == spec.folder
    for checkpoint in ("last", "best"):
        for split in ("validation", "test"):
            assert there.metrics[checkpoint][split] == here.metrics[checkpoint][split]
    assert same(weights(there), weights(here))


def test_the_loss_becoming_nan_is_said_in_one_sentence(trained, tiny, tmp_path):
    recipe = tiny.with_values({"training.optimizer": "sgd", "training.learning_rate": 1e30})
    for role in ("baseline", "distilled"):
        with pytest.raises(UserError, match="The loss became"):
            trained.train(role, recipe, tmp_path)
        assert not list(tmp_path.rglob("metrics.json"))


def test_mixed_precision_leaves_no_trace(trained, tiny, tmp_path):
    recipe = tiny.with_values({"training.precision": "mixed_float16", "training.epochs": 1})
    run = trained.train("baseline", recipe, tmp_path)
    assert run.load_model().get_layer("hidden1").compute_dtype == "float16"
    assert keras.config.dtype_policy().name == "float32"


def test_the_check_reports_gradients(trained, tiny, tmp_path):
    spec = trained.spec("distilled", tiny.with_values({"distillation.method": "fitnet"}), tmp_path)
    findings = check_distillation(spec, trained.teacher, baseline_accuracy=0.5)
    assert findings[-1].sentence.startswith("Weighted gradients")
    assert not list(tmp_path.iterdir())


def test_only_students_have_smoothed_labels(trained, tiny, tmp_path):
    recipe = tiny.with_values({"student.label_smoothing": 0.3})
    assert trained.train("teacher", recipe, trained.folder).reused
    run = trained.train("baseline", recipe, tmp_path)
    assert not same(weights(run), weights(trained.baseline))


def test_a_baseline_trains_for_as_long_as_the_distillation_took(trained, tiny, tmp_path):
    """Epochs of 3 s against 2 s: half as many epochs again. The first epochs compile."""
    recipe = tiny.with_values({"training.epochs": 4})
    specs = [trained.spec(role, tiny, trained.folder) for role in ("distilled", "baseline")]
    inputs = {}
    times = "seconds\n60\n3\n3.2\n2.8\n", "seconds\n50\n2\n2\n9\n"
    for run, lines in zip((trained.distilled, trained.baseline), times, strict=True):
        copy = tmp_path / run.folder.name
        shutil.copytree(run.folder, copy)
        (copy / "history.csv").write_text(lines)
        inputs[run.key] = dataclasses.replace(run, folder=copy)
    spec = make_spec(Role.BASELINE, recipe, tmp_path / "runs", match_time_of=specs)
    run = train(spec, inputs)
    assert run.metrics["last"]["epoch"] == len(run.history()["loss"]) == 6
    assert run.folder != trained.spec("baseline", recipe, tmp_path / "runs").folder
    assert train(spec, inputs).reused


@pytest.mark.parametrize("role", ROLES)
def test_a_trial_returns_times_traces_once_and_leaves_nothing(
    role, trained, tiny, tmp_path, monkeypatch
):
    traced = []
    for kind in (keras.Model, Distiller):

        def train_step(self, *given, step=kind.train_step):
            traced.append(role)
            return step(self, *given)

        monkeypatch.setattr(kind, "train_step", train_step)
    spec = trained.spec(role, tiny, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    start, epoch = trial(spec)
    assert 0 < epoch < start < 60
    assert not list(tmp_path.iterdir())
    assert traced == [role]

"""The runs of a plan: trained where missing, reused where complete; failures cost no others."""

import io
import pickle
import shutil

import keras
import numpy as np
import pytest
from rich.console import Console

from distill.errors import UserError
from distill.experiments import job
from distill.experiments.execution import execute
from distill.experiments.grid import make_axis
from distill.experiments.job import execute_plan, print_data
from distill.experiments.plan import FILE, make_plan
from distill.experiments.variants import MAIN_VARIANTS
from distill.files import read_json
from distill.runs import Run, open_run
from distill.training.train import train

MAIN = tuple(MAIN_VARIANTS)


@pytest.fixture
def run_plan(monkeypatch):
    """Executes a plan; returns the folder of its results, failures, and what was printed."""
    monkeypatch.setattr(job, "estimate", lambda specs, by_trial: [1.0] * len(specs))

    def run(plan, **more):
        file = io.StringIO()
        folder, failures = execute_plan(plan, Console(file=file, width=100), **more)
        return folder, failures, " ".join(file.getvalue().split())

    return run


@pytest.fixture
def tiny(changed):
    return changed({"experiment.seeds": 1, "training.epochs": 1})


def grid_plan(recipe, folder, variants=(*MAIN, "shuffled-teacher")):
    return make_plan(recipe, [make_axis("temperature", (1.0, 4.0))], variants, folder)


def test_the_plan_is_printed_first(grid):
    _, printed, _ = grid
    text = " ".join(printed.split())
    plan = "Plan: 2 grid points × 2 seeds, 12 runs (2 teacher, 2 baseline, 8 distilled). "
    assert plan + "0 runs reused, 12 to train, about " in text
    assert text.startswith("Recipe small: digits, 10 classes, 1,294 training, 144 validation, 359")
    assert "The student has labels for 30% of the training images, the teacher for all" in text
    assert text.index("temperature: 1, 4") < text.index(plan)
    assert text.index(plan) < text.index("distilled student, temperature 1, seed 0: validation")
    assert "ablation, shuffled teacher: soft targets of another image" in text
    assert text.count("Check before distillation:") == 1


def test_complete_runs_are_reused(grid, small, run_plan, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(grid[2], folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")}
    plan = grid_plan(small, folder)
    _, failures, printed = run_plan(plan)
    assert not failures
    assert "12 runs reused, 0 to train." in printed
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")} == before


def test_a_main_job_says_what_it_reuses_and_what_it_trains(
    grid, small, run_plan, tmp_path, monkeypatch
):
    folder = tmp_path / "runs"
    shutil.copytree(grid[2], folder)
    plan = make_plan(small.with_seed(0), [], MAIN, folder)
    written, failures, printed = run_plan(plan, command=["x.py"])
    assert not failures
    assert "trained first" not in printed
    assert "teacher, seed 0: reused from" in printed
    assert read_json(written / FILE)["command"] == ["x.py"]
    shutil.rmtree(next(folder.glob("digits/teacher-*-seed0-*")))
    before = {spec.key: spec for spec in grid_plan(small, grid[2]).specs.values()}
    monkeypatch.setattr(job, "train", lambda spec, *_: open_run(before[spec.key].folder))
    _, _, printed = run_plan(plan)
    assert "There is no teacher with these settings yet, so it is trained first." in printed
    assert "teacher, seed 0: validation accuracy" in printed
    assert "baseline, seed 0: reused from" in printed
    _, _, printed = run_plan(make_plan(small.with_seed(0), [], ("teacher",), folder))
    assert "The student has labels" not in printed


def test_retrain_trains_the_same_again(tiny, run_plan, tmp_path):
    plan = grid_plan(tiny, tmp_path, ("baseline",))
    run_plan(plan)
    _, _, printed = run_plan(plan, retrain=True)
    assert "0 runs reused, 1 to train" in printed
    older = list(tmp_path.glob("digits/*~1"))
    assert len(older) == 1
    for folder in older:
        again = folder.with_name(folder.name.removesuffix("~1"))
        weights = [open_run(each).load_model().get_weights() for each in (folder, again)]
        assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_a_damaged_run_fails_alone(grid, small, run_plan, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(grid[2], folder)
    plan = grid_plan(small, folder)
    key = plan.points[1].runs["distilled"][1]
    path = plan.specs[key].folder / "student.keras"
    path.write_bytes(b"damaged")
    _, failures, printed = run_plan(plan)
    assert [failure.spec.key for failure in failures] == [key]
    assert f"{path} is missing or damaged" in failures[0].reason
    assert "11 runs reused, 1 to train" in printed
    assert f"failed {plan.specs[key].title}:" in printed


def test_a_failing_training_does_not_end_the_others(grid, small, run_plan, tmp_path):
    """A learning rate at which the loss becomes NaN, at one grid point of two."""
    folder = tmp_path / "runs"
    shutil.copytree(grid[2], folder)
    rate = small.training.learning_rate
    recipe = small.with_seed(0).with_values({"teacher.training.learning_rate": rate})
    plan = make_plan(recipe, [make_axis("learning_rate", (1e30, rate))], MAIN, folder)
    _, failures, printed = run_plan(plan)
    bad, good = plan.points
    failed = {failure.spec.key for failure in failures}
    assert failed == {*bad.runs["baseline"], *bad.runs["distilled"]}
    assert "The loss became" in printed
    for key in (*good.runs["baseline"], *good.runs["distilled"], *good.runs["teacher"]):
        assert open_run(plan.specs[key].folder)


def test_if_no_run_succeeds_it_is_an_error(tiny, run_plan, tmp_path):
    values = {"training.optimizer": "sgd", "training.learning_rate": 1e30}
    plan = make_plan(tiny.with_values(values), [], ("baseline",), tmp_path)
    with pytest.raises(UserError, match="The loss became"):
        run_plan(plan)


def test_a_teacher_at_chance_ends_the_main_job_before_any_student(tiny, run_plan, tmp_path):
    path = tmp_path / "untrained.keras"
    last = keras.layers.Dense(10, kernel_initializer="zeros")
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), last]).save(path)
    recipe = tiny.with_values({"teacher.file": str(path)})
    runs = tmp_path / "runs"
    with pytest.raises(UserError, match="no better than always predicting the most frequent"):
        run_plan(make_plan(recipe, [], MAIN, runs))
    trained = [path.parent.name for path in runs.rglob("metrics.json")]
    assert len(trained) == 1
    assert trained[0].startswith("teacher-file")


def what_is_said_of_data(plan):
    file = io.StringIO()
    print_data(plan, Console(file=file, width=200))
    return file.getvalue()


def test_a_teacher_from_a_file_may_have_seen_the_test_images(grid, tiny, tmp_path):
    (path,) = grid[2].glob("digits/teacher-*-seed0-*/teacher.keras")
    recipe = tiny.with_values({"teacher.file": str(path)})
    printed = what_is_said_of_data(make_plan(recipe, [], ("teacher",), tmp_path))
    assert "If it was trained on some of these test images, its test accuracy is too" in printed


@pytest.mark.parametrize(("accuracy", "checks"), [(0.0, 1), (1.0, 2)])
def test_the_check_runs_again_only_if_the_baseline_beats_the_teacher(
    accuracy, checks, small, tmp_path, monkeypatch, run_plan
):
    plan = make_plan(small.with_seed(0), [], MAIN, tmp_path)
    _, baseline, _ = plan.specs.values()
    called = []

    def check(spec, teacher, accuracy=None):
        called.append(accuracy)
        return []

    def finish(spec, inputs, on_event, retrain):
        metrics = {"seconds": 1.0, "last": {"validation": {"accuracy": 0.5}}}
        if spec is baseline:
            metrics["last"]["validation"]["accuracy"] = accuracy
        return Run(spec.role, spec.seed, spec.key, spec.folder, metrics)

    monkeypatch.setattr(job, "check_distillation", check)
    monkeypatch.setattr(job, "train", finish)
    run_plan(plan)
    assert called == [None, accuracy][:checks]


def test_runs_can_execute_elsewhere(grid, small, run_plan):
    """Another place to run is another function."""
    executed = []

    def elsewhere(specs, train):
        specs = list(specs)
        executed.extend(spec.title for spec in specs)
        yield from execute(specs, train)

    _, failures, _ = run_plan(make_plan(small, [], MAIN, grid[2]), executor=elsewhere)
    assert not failures
    assert executed == [
        *["teacher, seed 0", "baseline, seed 0", "distilled student, seed 0"],
        *["teacher, seed 1", "baseline, seed 1", "distilled student, seed 1"],
    ]


def test_in_another_process_the_trainer_is_train_itself(grid, small, run_plan):
    """A pool of processes can be an executor: what it is given can be pickled."""
    received = []

    def elsewhere(specs, train_one):
        received.append(pickle.loads(pickle.dumps(train_one)))
        yield from execute(pickle.loads(pickle.dumps(list(specs))), train_one)

    _, failures, _ = run_plan(make_plan(small, [], MAIN, grid[2]), executor=elsewhere)
    assert not failures
    assert received[0].func is train
    assert received[0].keywords == {"retrain": False}


def test_unreadable_files_are_named(tiny, tmp_path):
    images = tmp_path / "photos"
    for number, name in enumerate(("cats", "dogs")):
        (images / name).mkdir(parents=True)
        for index in range(40):
            pixels = np.full((8, 8, 1), 100 * number + index, np.uint8)
            keras.utils.save_img(images / name / f"{index}.png", pixels, scale=False)
    (images / "cats" / "broken.png").write_text("no image")
    recipe = tiny.with_values({"data.name": str(images), "training.batch_size": 8})
    with pytest.raises(UserError, match=r"broken\.png"):
        make_plan(recipe, [], ("teacher",), tmp_path / "runs")
    recipe = recipe.with_values({"data.unreadable": "skip"})
    plan = make_plan(recipe, [], ("teacher",), tmp_path / "runs")
    assert "Skipped unreadable files: cats/broken.png." in what_is_said_of_data(plan)

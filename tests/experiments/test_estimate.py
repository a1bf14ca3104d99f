"""Estimates: from like runs that are there, else from a trial of each kind."""

import dataclasses

import pytest

from distill.experiments import estimate as module
from distill.experiments.arms import MODELS
from distill.experiments.estimate import estimate
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.run_folder import write_json


def leave_run(task, whole, seconds):
    """What a complete run of the task would leave of its time."""
    task.folder.mkdir(parents=True)
    write_json(task.folder / "settings.json", {"identity": task.identity})
    lines = "\n".join(f"{epoch},{time}" for epoch, time in enumerate(seconds))
    (task.folder / "history.csv").write_text(f"epoch,seconds\n{lines}\n")
    write_json(task.folder / "metrics.json", {"seconds": whole})


def test_like_runs_tell_the_time(changed, tmp_path):
    """9 s with epochs of 3, 1, 1, 1 s: 5 s before the first (at the usual 1 s) and 1 s each."""
    plan = make_plan(changed(epochs=4, seeds=1), [], tuple(MODELS), tmp_path)
    for task in plan.tasks.values():
        leave_run(task, 9.0, [3.0, 1.0, 1.0, 1.0])
    axes = [make_axis("epochs", (10, 20)), make_axis("temperature", (1.0, 2.0))]
    wanted = make_plan(changed(seeds=1), axes, tuple(MODELS), tmp_path).tasks.values()
    for task, seconds in zip(wanted, estimate(wanted, by_trial=False), strict=True):
        assert seconds == pytest.approx(5 + task.recipe.epochs)


def test_other_models_and_batches_tell_nothing(changed, tmp_path):
    recipe = changed(epochs=4, seeds=1)
    for task in make_plan(recipe, [], tuple(MODELS), tmp_path).tasks.values():
        leave_run(task, 9.0, [3.0, 1.0, 1.0, 1.0])
    for other in ({"batch_size": 64}, {"student_options": {"hidden": 9}}, {"shift": 1}):
        plan = make_plan(dataclasses.replace(recipe, **other), [], ("student",), tmp_path)
        assert estimate(plan.tasks.values(), by_trial=False) == [1.0]


def test_one_trial_for_each_kind(changed, tmp_path, monkeypatch):
    tried = []

    def trial(role, recipe):
        tried.append((role, recipe.student_options.get("hidden")))
        return 2.0, 0.5

    monkeypatch.setattr(module, "trial", trial)
    axes = [make_axis("student_options.hidden", (4, 8)), make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(changed(epochs=6), axes, tuple(MODELS), tmp_path)
    assert estimate(plan.tasks.values(), by_trial=True) == [2.0 + 6 * 0.5] * len(plan.tasks)
    assert sorted(tried, key=str) == [
        ("distilled", 4), ("distilled", 8), ("student", 4), ("student", 8), ("teacher", 4),
    ]  # fmt: skip


def test_a_trial_that_fails_is_left_to_its_run(changed, tmp_path, monkeypatch):
    tried = []

    def trial(role, recipe):
        tried.append(role)
        raise TypeError("no number")

    monkeypatch.setattr(module, "trial", trial)
    plan = make_plan(changed(seeds=2), [], ("student",), tmp_path)
    assert estimate(plan.tasks.values(), by_trial=True) == [1.0, 1.0]
    assert tried == ["student"]


def test_damaged_runs_are_passed_over(changed, tmp_path):
    plan = make_plan(changed(seeds=1), [], ("student",), tmp_path)
    (task,) = plan.tasks.values()
    leave_run(task, 9.0, [3.0, 1.0])
    for name, damage in (("settings.json", "{"), ("history.csv", "epoch\n1\n"),
                         ("metrics.json", "[]")):  # fmt: skip
        whole = (task.folder / name).read_text()
        (task.folder / name).write_text(damage)
        assert estimate([task], by_trial=False) == [1.0]
        (task.folder / name).write_text(whole)
    assert estimate([task], by_trial=False) != [1.0]

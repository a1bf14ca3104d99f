"""Estimates: from similar finished runs, or else from a trial of each kind."""

import pytest

from distill.experiments import estimate as module
from distill.experiments.estimate import estimate
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.experiments.variants import MAIN_VARIANTS
from distill.files import write_json
from distill.runs import write_settings

MAIN = tuple(MAIN_VARIANTS)


def leave_run(spec, whole, seconds):
    """Leaves what a complete run would say of its time."""
    spec.folder.mkdir(parents=True)
    write_settings(spec.folder, {}, spec.identity)
    lines = "\n".join(f"{epoch},{time}" for epoch, time in enumerate(seconds))
    (spec.folder / "history.csv").write_text(f"epoch,seconds\n{lines}\n")
    write_json(spec.folder / "metrics.json", {"seconds": whole})


@pytest.fixture
def one_seed(changed):
    return changed({"training.epochs": 4, "experiment.seeds": 1})


def test_similar_runs_tell_the_time(one_seed, tmp_path):
    """9 s with epochs of 3, 1, 1, 1 s: 5 s before the first (at the usual 1 s) and 1 s each."""
    for spec in make_plan(one_seed, [], MAIN, tmp_path).specs.values():
        leave_run(spec, 9.0, [3.0, 1.0, 1.0, 1.0])
    axes = [make_axis("epochs", (10, 20)), make_axis("temperature", (1.0, 2.0))]
    specs = make_plan(one_seed, axes, MAIN, tmp_path).specs.values()
    for spec, seconds in zip(specs, estimate(specs, by_trial=False), strict=True):
        assert seconds == pytest.approx(5 + spec.recipe.training.epochs)


@pytest.mark.parametrize(
    "values", [{"training.batch_size": 64}, {"student.options.hidden": 9}, {"data.image_size": 16}]
)
def test_other_models_batches_and_images_tell_nothing(values, one_seed, tmp_path):
    for spec in make_plan(one_seed, [], MAIN, tmp_path).specs.values():
        leave_run(spec, 9.0, [3.0, 1.0, 1.0, 1.0])
    plan = make_plan(one_seed.with_values(values), [], ("baseline",), tmp_path)
    assert estimate(plan.specs.values(), by_trial=False) == [1.0]


def test_one_trial_for_each_kind(changed, tmp_path, monkeypatch):
    tried = []

    def trial(spec):
        tried.append((str(spec.role), spec.recipe.student.options["hidden"]))
        return 2.0, 0.5

    monkeypatch.setattr(module, "trial", trial)
    axes = [make_axis("student.options.hidden", (4, 8)), make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(changed({"training.epochs": 6}), axes, MAIN, tmp_path)
    assert estimate(plan.specs.values(), by_trial=True) == [2.0 + 6 * 0.5] * len(plan.specs)
    students = [(role, hidden) for role in ("baseline", "distilled") for hidden in (4, 8)]
    assert sorted(tried) == [*students, ("teacher", 4)]


def test_a_trial_that_fails_is_left_to_its_run(changed, tmp_path, monkeypatch):
    tried = []

    def trial(spec):
        tried.append(str(spec.role))
        raise TypeError("no number")

    monkeypatch.setattr(module, "trial", trial)
    plan = make_plan(changed({"experiment.seeds": 2}), [], ("baseline",), tmp_path)
    assert estimate(plan.specs.values(), by_trial=True) == [1.0, 1.0]
    assert tried == ["baseline"]


def test_a_teacher_that_is_only_measured_is_not_tried(one_seed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "trial", lambda spec: (7.0, 0.0))
    plan = make_plan(one_seed.with_values({"teacher.ensemble": 2}), [], ("teacher",), tmp_path)
    assert estimate(plan.specs.values(), by_trial=True) == [7.0, 7.0, 1.0]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("settings.json", "{"),
        ("settings.json", '{"identity": {}}'),
        ("history.csv", "epoch\n1\n"),
        ("metrics.json", "[]"),
    ],
)
def test_damaged_runs_are_passed_over(name, damage, one_seed, tmp_path):
    plan = make_plan(one_seed, [], ("baseline",), tmp_path)
    (spec,) = plan.specs.values()
    leave_run(spec, 9.0, [3.0, 1.0])
    assert estimate([spec], by_trial=False) != [1.0]
    (spec.folder / name).write_text(damage)
    assert estimate([spec], by_trial=False) == [1.0]

"""Plans: every run once, however many grid points share it, each after those that it needs."""

import json

import pytest

from distill.errors import UserError
from distill.experiments.grid import make_axis
from distill.experiments.plan import FILE, FORMAT, make_plan, write_plan
from distill.experiments.variants import MAIN_VARIANTS, VARIANTS
from distill.files import read_json
from distill.recipes import RECIPES, Recipe

MAIN = tuple(MAIN_VARIANTS)


@pytest.fixture
def recipe():
    values = {"experiment.seeds": 2, "training.epochs": 4, "teacher.training.epochs": None}
    return RECIPES["digits"].with_values(values)


def counts(plan):
    roles = [spec.role for spec in plan.specs.values()]
    return tuple(roles.count(role) for role in ("teacher", "baseline", "distilled"))


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ([], (2, 2, 2)),
        ([("temperature", (1.0, 2.0, 4.0))], (2, 2, 6)),
        ([("temperature", (1.0, 2.0)), ("alpha", (0.0, 0.5))], (2, 2, 8)),
        ([("student.options.hidden", (4, 8, 16))], (2, 6, 6)),
        ([("teacher.training.epochs", (1, 2))], (4, 2, 4)),
        ([("student.baseline.epochs", (1, 2))], (2, 4, 2)),
        # They are those of all roles.
        ([("epochs", (1, 2))], (4, 4, 4)),
        ([("student.label_smoothing", (0.0, 0.1))], (2, 4, 4)),
        # What the schedule does not use.
        ([("training.schedule_floor", (0.0, 0.5))], (4, 4, 4)),
        ([("training.schedule_epochs", (None, 3.0))], (2, 2, 2)),
    ],
)
def test_runs_are_shared_wherever_they_are_the_same(axes, expected, recipe, tmp_path):
    plan = make_plan(recipe, [make_axis(*axis) for axis in axes], MAIN, tmp_path)
    assert counts(plan) == expected
    for point in plan.points:
        assert list(point.runs) == list(MAIN)
        for variant, keys in point.runs.items():
            assert [plan.specs[key].seed for key in keys] == [0, 1]
            assert {plan.specs[key].role for key in keys} == {VARIANTS[variant].role}
    assert not list(tmp_path.iterdir())


def test_points_are_the_combinations_of_the_axes(recipe, tmp_path):
    axes = [make_axis("alpha", (0.0, 0.5)), make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(recipe, axes, ("distilled",), tmp_path)
    settings = [tuple(point.setting.values()) for point in plan.points]
    assert settings == [(0.0, 1.0), (0.0, 2.0), (0.5, 1.0), (0.5, 2.0)]
    for point in plan.points:
        distillation = point.recipe.distillation
        assert (distillation.alpha, distillation.temperature) == tuple(point.setting.values())


def test_titles_name_what_differs(recipe, tmp_path):
    axes = [make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(recipe.with_seed(3), axes, MAIN, tmp_path)
    assert [spec.title for spec in plan.specs.values()] == [
        "teacher, seed 3",
        "baseline, seed 3",
        "distilled student, temperature 1, seed 3",
        "distilled student, temperature 2, seed 3",
    ]


def test_each_run_stands_after_those_that_it_needs(recipe, tmp_path):
    plan = make_plan(recipe, [make_axis("temperature", (1.0, 2.0))], tuple(VARIANTS), tmp_path)
    done = set()
    for key, spec in plan.specs.items():
        assert spec.key == key
        assert set(spec.inputs) <= done
        done.add(key)
    seeds = [spec.seed for spec in plan.specs.values()]
    assert seeds == sorted(seeds)  # whole seeds first


def test_what_an_experiment_is_about(recipe, tmp_path):
    plan = make_plan(recipe, [], MAIN, tmp_path)
    (point,) = plan.points
    assert plan.subjects == {*point.runs["baseline"], *point.runs["distilled"]}
    assert not plan.is_grid
    alone = make_plan(recipe, [], ("teacher",), tmp_path)
    assert alone.subjects == set(alone.specs)
    assert make_plan(recipe, [], (*MAIN, "hard-labels"), tmp_path).is_grid
    assert make_plan(recipe, [make_axis("alpha", (0.1,))], MAIN, tmp_path).is_grid


def test_results_have_a_place_of_their_own(recipe, tmp_path):
    axes = [make_axis("temperature", (1.0, 2.0))]
    other = [make_axis("temperature", (1.0, 3.0))]
    plans = [
        make_plan(recipe, [], MAIN, tmp_path),
        make_plan(recipe, [], ("teacher",), tmp_path),
        make_plan(recipe, axes, MAIN, tmp_path),
        make_plan(recipe, other, MAIN, tmp_path),
        make_plan(recipe.with_values({"experiment.seeds": 3}), axes, MAIN, tmp_path),
    ]
    assert len({plan.folder for plan in plans}) == 5
    assert make_plan(recipe, axes, MAIN, tmp_path).folder == plans[2].folder
    names = [plan.folder.name.split("-")[0] for plan in plans]
    assert names == ["comparison", "teacher", "grid", "grid", "grid"]
    assert {plan.folder.parent for plan in plans} == {tmp_path / "digits"}


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (("student.options.width", (4,)), "no option 'width'"),
        (("method", ("kd", "magic")), "Unknown method 'magic'"),
        (("data.student_exclude", ((), ("eleven",))), "no class 'eleven'"),
        (("batch_size", (32, 5000)), "batch_size is 5000, and must be 1294 or less"),
        (("temperature", (1.0, -1.0)), r"temperature is -1\.0"),
    ],
)
def test_every_grid_point_is_tried_before_anything_is_trained(axis, message, recipe, tmp_path):
    with pytest.raises(UserError, match=message):
        make_plan(recipe, [make_axis(*axis)], MAIN, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_written_down(changed, tmp_path):
    recipe = changed({"experiment.seeds": 2})
    axes = [make_axis("data.student_exclude", ((), ("3",)))]
    plan = make_plan(recipe, axes, ("teacher", "distilled"), tmp_path)
    folder = write_plan(plan, ["distillation_train.py"])
    assert folder == plan.folder
    record = read_json(folder / FILE)
    assert record["format"] == FORMAT
    assert record["command"] == ["distillation_train.py"]
    assert record["variants"] == ["teacher", "distilled"]
    assert Recipe.from_json(json.dumps(record["recipe"])) == recipe
    assert record["axes"] == [{"field": "data.student_exclude", "values": [[], ["3"]]}]
    assert [point["setting"] for point in record["points"]] == [
        {"data.student_exclude": []},
        {"data.student_exclude": ["3"]},
    ]
    for planned, point in zip(plan.points, record["points"], strict=True):
        for variant, keys in planned.runs.items():
            folders = [plan.specs[key].folder for key in keys]
            assert [(folder / run).resolve() for run in point["runs"][variant]] == folders


def test_runs_elsewhere_are_found_from_the_results(changed, tmp_path, monkeypatch):
    """Relative names hold when the folder of all runs is moved."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(changed({"experiment.seeds": 1}), [], ("teacher",), "runs")
    (point,) = read_json(write_plan(plan, None) / FILE)["points"]
    (run,) = point["runs"]["teacher"]
    assert run == f"../{next(iter(plan.specs.values())).folder.name}"

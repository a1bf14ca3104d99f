"""Plans: every run once, however many settings share it, each after those that it needs."""

import dataclasses

import pytest

from distill.errors import UserError
from distill.experiments.arms import ARMS, CONTROLS, MODELS
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.experiments.studies import STUDIES, get_study
from distill.recipes import RECIPES

RECIPE = dataclasses.replace(RECIPES["digits"], seeds=2, epochs=4, teacher_epochs=None)


def count(plan, role):
    return sum(task.role == role for task in plan.tasks.values())


def roles(plan):
    return tuple(count(plan, role) for role in ("teacher", "student", "distilled"))


@pytest.mark.parametrize(
    ("axes", "wanted"),
    [
        ([], (2, 2, 2)),
        ([("temperature", (1.0, 2.0, 4.0))], (2, 2, 6)),
        ([("temperature", (1.0, 2.0)), ("alpha", (0.0, 0.5))], (2, 2, 8)),
        ([("student_options.hidden", (4, 8, 16))], (2, 6, 6)),
        ([("teacher_epochs", (1, 2))], (4, 2, 4)),
        # The student's epochs are the teacher's too, unless it has its own.
        ([("epochs", (1, 2))], (4, 4, 4)),
        ([("label_smoothing", (0.0, 0.1))], (2, 4, 4)),
    ],
)
def test_runs_are_shared_wherever_they_are_the_same(axes, wanted, tmp_path):
    plan = make_plan(RECIPE, [make_axis(*axis) for axis in axes], tuple(MODELS), tmp_path)
    assert roles(plan) == wanted
    assert len(plan.cells) == len(plan.settings)
    for cell in plan.cells:
        for arm, folders in cell.items():
            assert len(folders) == 2
            assert {plan.tasks[folder].role for folder in folders} == {ARMS[arm].role}
    assert not list(tmp_path.iterdir())


def test_labels_name_what_tells_runs_apart(tmp_path):
    axes = [make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(RECIPE.with_seed(3), axes, tuple(MODELS), tmp_path)
    assert [task.label for task in plan.tasks.values()] == [
        "teacher, seed 3",
        "student from labels, seed 3",
        "student distilled, temperature 1, seed 3",
        "student distilled, temperature 2, seed 3",
    ]


def test_each_run_stands_after_those_that_it_needs(tmp_path):
    axes = [make_axis("temperature", (1.0, 2.0))]
    plan = make_plan(RECIPE, axes, tuple(ARMS), tmp_path)
    done = set()
    for folder, task in plan.tasks.items():
        assert set(task.needs) <= done
        done.add(folder)
    seeds = [task.recipe.seed for task in plan.tasks.values()]
    assert seeds == sorted(seeds)  # whole seeds first


def test_controls_are_the_same_student_with_one_thing_changed(tmp_path):
    plan = make_plan(RECIPE, [], tuple(ARMS), tmp_path)
    (cell,) = plan.cells
    of = {arm: plan.tasks[folders[0]] for arm, folders in cell.items()}

    def changed(arm, from_):
        first, second = of[arm].identity, of[from_].identity
        flat = [{**identity, **identity["budget"]} for identity in (first, second)]
        return {name: flat[0][name] for name in flat[0]
                if name != "budget" and flat[0][name] != flat[1].get(name)}  # fmt: skip

    assert changed("label-smoothing", "student") == {"label_smoothing": 0.1}
    assert changed("shuffled-teacher", "distilled") == {"soft_targets": "shuffled"}
    assert changed("soft-targets-alone", "distilled") == {"alpha": 0.0}
    assert changed("hard-label", "distilled") == {"alpha": 0.0, "method": "hard_label"}
    assert set(changed("equal-time", "student")) == {"as_long_as"}
    assert of["equal-time"].as_long_as == (of["distilled"].folder, of["student"].folder)
    teacher = of["teacher"].folder
    assert {task.teacher for task in of.values() if task.role == "distilled"} == {teacher}


def test_a_control_that_changes_nothing_is_the_same_run(tmp_path):
    recipe = dataclasses.replace(RECIPE, alpha=0.0)
    plan = make_plan(recipe, [], (*MODELS, "soft-targets-alone"), tmp_path)
    (cell,) = plan.cells
    assert cell["soft-targets-alone"] == cell["distilled"]
    assert roles(plan) == (2, 2, 2)


def test_results_have_a_place_of_their_own(tmp_path):
    axes = [make_axis("temperature", (1.0, 2.0))]
    other = [make_axis("temperature", (1.0, 3.0))]
    plans = [
        make_plan(RECIPE, [], tuple(MODELS), tmp_path),
        make_plan(RECIPE, [], ("teacher",), tmp_path),
        make_plan(RECIPE, axes, tuple(MODELS), tmp_path),
        make_plan(RECIPE, other, tuple(MODELS), tmp_path),
        make_plan(dataclasses.replace(RECIPE, seeds=3), axes, tuple(MODELS), tmp_path),
    ]
    assert len({plan.folder for plan in plans}) == 5
    assert make_plan(RECIPE, axes, tuple(MODELS), tmp_path).folder == plans[2].folder
    names = [plan.folder.name.split("-")[0] for plan in plans]
    assert names == ["comparison", "teacher", "grid", "grid", "grid"]


def test_every_setting_is_tried_before_anything_is_trained(tmp_path):
    with pytest.raises(UserError, match="no option 'width'"):
        make_plan(RECIPE, [make_axis("student_options.width", (4,))], tuple(MODELS), tmp_path)
    with pytest.raises(UserError, match="Unknown method 'magic'"):
        make_plan(RECIPE, [make_axis("method", ("kd", "magic"))], tuple(MODELS), tmp_path)
    axes = [make_axis("omitted_classes", ((), ("eleven",)))]
    with pytest.raises(UserError, match="no class 'eleven'"):
        make_plan(RECIPE, axes, tuple(MODELS), tmp_path)


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("recipe", ["digits"])
def test_every_study_can_be_planned(name, recipe, tmp_path):
    axes = STUDIES[name].axes(RECIPES[recipe])
    plan = make_plan(RECIPES[recipe], axes, tuple(MODELS), tmp_path)
    assert len(plan.settings) >= 2
    assert plan.is_grid


def test_a_flag_is_stronger_than_what_a_study_sets():
    recipe = RECIPES["mnist-hinton"]
    axes = get_study("30-units", "mnist-hinton").axes(recipe)
    changed = recipe.with_values({"epochs": 7, "student_options": {"hidden": 20}})
    left = get_study("30-units", "mnist-hinton").axes(changed)
    fields = {axis.field for axis in axes} - {axis.field for axis in left}
    assert fields == {"epochs", "student_options.hidden"}


def test_a_study_of_classes_knows_those_that_are_used(changed):
    (axis,) = get_study("omitted-class", "digits").axes(changed(classes=("7", "8", "9")))
    assert axis.values == ((), ("0",), ("1",), ("2",))


def test_what_a_schedule_does_not_use_makes_no_other_run(changed, tmp_path):
    plans = [
        set(make_plan(changed(**values), [], ("teacher", "student"), tmp_path).tasks)
        for values in ({}, {"floor": 0.5}, {"schedule_epochs": 3.0},
                       {"schedule": "cosine"}, {"schedule": "cosine", "floor": 0.5})
    ]  # fmt: skip
    assert plans[0] == plans[1] == plans[2]
    assert not plans[3] & plans[0]
    assert not plans[3] & plans[4]


def test_studies_of_sizes_and_teachers():
    (axis,) = STUDIES["student-size"].axes(RECIPES["digits"])
    assert (axis.field, axis.values) == ("student_options.hidden", (8, 16, 32, 64, 128))
    teacher, student = STUDIES["sizes"].axes(RECIPES["flowers"])
    assert (teacher.field, teacher.values) == ("teacher_options.dense", (32, 64, 128))
    assert (student.field, student.values) == ("student_options.dense", (32, 64, 128))
    (axis,) = STUDIES["early-stopped-teacher"].axes(RECIPES["digits"])
    assert axis.values == (1, 2, 4, 8, 15)
    with pytest.raises(UserError, match="student has no known size to change"):
        STUDIES["student-size"].axes(dataclasses.replace(RECIPE, student="resnet20"))
    own = dataclasses.replace(RECIPE, teacher_file="own.keras")
    with pytest.raises(UserError, match="cannot be stopped early"):
        STUDIES["early-stopped-teacher"].axes(own)


def test_every_control_says_what_it_asks():
    assert all(len(control.question) > 20 for control in CONTROLS.values())
    assert len({arm.title for arm in ARMS.values()}) == len(ARMS)

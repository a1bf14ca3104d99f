"""Studies: each makes the axes of a grid from a recipe."""

import pytest

from distill.errors import UserError
from distill.experiments.plan import make_plan
from distill.experiments.studies import STUDIES, get_study, studies_of
from distill.experiments.variants import MAIN_VARIANTS
from distill.recipes import RECIPE_STUDIES, RECIPES


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_planned(name, tmp_path):
    recipe = RECIPES["digits"]
    axes = STUDIES[name].axes(recipe)
    plan = make_plan(recipe.with_seed(0), axes, tuple(MAIN_VARIANTS), tmp_path)
    assert len(plan.points) >= 2
    assert plan.is_grid


@pytest.mark.parametrize("recipe", RECIPE_STUDIES)
def test_every_study_of_a_recipe_makes_axes_of_its_settings(recipe):
    for name in RECIPE_STUDIES[recipe]:
        for axis in get_study(name, recipe).axes(RECIPES[recipe]):
            for value in axis.values:
                RECIPES[recipe].with_values({axis.field: value})


def test_a_flag_is_stronger_than_what_a_study_sets():
    recipe = RECIPES["mnist-hinton"]
    axes = get_study("30-units", "mnist-hinton").axes(recipe)
    changed = recipe.with_values({"training.epochs": 7, "student.options.hidden": 20})
    left = get_study("30-units", "mnist-hinton").axes(changed)
    fields = {axis.field for axis in axes} - {axis.field for axis in left}
    assert fields == {"training.epochs", "student.options.hidden"}


def test_an_unknown_study_is_refused_with_the_names():
    with pytest.raises(UserError, match="digits has no study 'x'; use one of temperature, alpha"):
        get_study("x", "digits")
    assert "30-units" in studies_of("mnist-hinton")
    assert "30-units" not in studies_of("digits")


def test_a_study_of_classes_knows_those_that_are_used(changed):
    recipe = changed({"data.include": ("7", "8", "9")})
    (axis,) = get_study("omitted-class", "digits").axes(recipe)
    assert axis.values == ((), ("0",), ("1",), ("2",))


def test_studies_of_sizes():
    (axis,) = STUDIES["student-size"].axes(RECIPES["digits"])
    assert (axis.field, axis.values) == ("student.options.hidden", (8, 16, 32, 64, 128))
    teacher, student = STUDIES["sizes"].axes(RECIPES["flowers"])
    assert (teacher.field, teacher.values) == ("teacher.options.dense", (32, 64, 128))
    assert (student.field, student.values) == ("student.options.dense", (32, 64, 128))
    with pytest.raises(UserError, match="student has no known size to change"):
        STUDIES["student-size"].axes(RECIPES["digits"].with_values({"student.model": "resnet20"}))


def test_a_study_of_the_teachers_training_needs_one():
    (axis,) = STUDIES["early-stopped-teacher"].axes(RECIPES["digits"])
    assert (axis.field, axis.values) == ("teacher.training.epochs", (1, 2, 4, 8, 15))
    file = RECIPES["digits"].with_values({"teacher.file": "own.keras"})
    for name in ("early-stopped-teacher", "sizes"):
        with pytest.raises(UserError, match=r"cannot be stopped early|no known size"):
            STUDIES[name].axes(file)


def test_schedules_that_need_a_period_are_left_out_without_one():
    (axis,) = STUDIES["schedule"].axes(RECIPES["digits"])
    assert axis.values == ("constant", "cosine")
    with_period = RECIPES["digits"].with_values({"training.schedule_epochs": 2.0})
    (axis,) = STUDIES["schedule"].axes(with_period)
    assert axis.values == ("constant", "cosine", "step_decay", "warm_restarts")

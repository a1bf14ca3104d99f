"""Grids: which settings there are, and what recipe each of them is."""

import dataclasses

import pytest

from distill.errors import UserError
from distill.experiments.grid import (
    Axis,
    fixed,
    make_axis,
    parse_axis,
    settings,
    show,
    show_setting,
    with_setting,
)
from distill.recipes import RECIPES, Recipe


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("temperature=1,2.5", Axis("temperature", (1.0, 2.5))),
        ("teacher-epochs=none,5", Axis("teacher_epochs", (None, 5))),
        ("omitted_classes=none,3,7+8", Axis("omitted_classes", ((), ("3",), ("7", "8")))),
        ("student_options.hidden=8,16", Axis("student_options.hidden", (8, 16))),
        ("method=kd", Axis("method", ("kd",))),
    ],
)
def test_axes(text, axis):
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temperature", "'temperature' is not of the form FIELD=VALUE,VALUE"),
        ("temperature=", "not of the form"),
        ("=1,2", "not of the form"),
        ("temprature=1", "no field 'temprature'"),
        ("temperature=1,,2", "temperature is '', and must be a number"),
        ("temperature=1,2,1.0", "the value 1 twice"),
        ("seed=1,2", "no axis 'seed'"),
        ("seeds=1,2", "no axis 'seeds'"),
        ("folds=2,3", "no axis 'folds'"),
        ("name=a,b", "no axis 'name'"),
        ("student_options=1", "name an option"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(UserError, match=message):
        parse_axis(text)


def test_every_combination_once_in_order():
    axes = [make_axis("alpha", (0.0, 0.5)), make_axis("temperature", (1.0, 2.0, 4.0))]
    assert [tuple(each.values()) for each in settings(axes)] == [
        (0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.5, 1.0), (0.5, 2.0), (0.5, 4.0),
    ]  # fmt: skip
    assert settings([]) == [{}]
    with pytest.raises(UserError, match="the axis alpha twice"):
        settings([axes[0], axes[0]])


def test_settings_change_what_they_name_and_nothing_else():
    recipe = RECIPES["digits"]
    changed = with_setting(recipe, {"temperature": 2.0, "student_options.hidden": 8})
    wanted = dataclasses.replace(
        recipe, temperature=2.0, student_options={**recipe.student_options, "hidden": 8}
    )
    assert changed == wanted
    assert recipe.student_options["hidden"] == 32
    assert with_setting(recipe, {}) == recipe


def test_another_model_has_none_of_the_recipes_options():
    recipe = Recipe(student="mlp", student_options={"hidden": 9})
    assert with_setting(recipe, {"student": "cnn"}).student_options == {}
    assert with_setting(recipe, {"student": "mlp"}).student_options == {"hidden": 9}
    both = with_setting(recipe, {"student": "cnn", "student_options.filters": 4})
    assert both.student_options == {"filters": 4}


def test_one_value_is_part_of_the_recipe_unless_it_belongs_to_what_varies():
    axes = [Axis("alpha", (0.5,)), Axis("student", ("mlp", "cnn")), Axis("epochs", (3,)),
            Axis("student_options.dense", (4,)), Axis("teacher_options.hidden", (5,))]  # fmt: skip
    recipe, others = fixed(Recipe(), axes)
    assert (recipe.alpha, recipe.epochs, recipe.teacher_options) == (0.5, 3, {"hidden": 5})
    assert [axis.field for axis in others] == ["student", "student_options.dense"]
    with_assistant = [Axis("assistant", (None, "mlp")), Axis("assistant_options.hidden", (6,))]
    recipe, others = fixed(Recipe(), with_assistant)
    assert [axis.field for axis in others] == ["assistant"]
    assert with_setting(recipe, {"assistant": "mlp"}).assistant_options == {"hidden": 6}


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"temperature is -1\.0"):
        with_setting(Recipe(), {"temperature": -1.0})


def test_how_settings_are_shown():
    setting = {"temperature": 4.0, "student_options.hidden": 8, "omitted_classes": ("7", "8")}
    assert show_setting(setting) == "temperature 4, student hidden 8, omitted classes 7+8"
    assert [show(value) for value in (0.1, 1e-05, None, True)] == ["0.1", "1e-05", "none", "True"]

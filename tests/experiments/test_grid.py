"""Grids: which points there are, and what recipe each of them is."""

import pytest

from distill.errors import UserError
from distill.experiments.grid import (
    Axis,
    combinations,
    fixed,
    make_axis,
    parse_axis,
    show_setting,
)
from distill.recipes import RECIPES, Recipe


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("temperature=1,2.5", Axis("distillation.temperature", (1.0, 2.5))),
        ("teacher.training.epochs=none,5", Axis("teacher.training.epochs", (None, 5))),
        (
            "data.student_exclude=none,3,7+8",
            Axis("data.student_exclude", ((), ("3",), ("7", "8"))),
        ),
        ("student.options.hidden=8,16", Axis("student.options.hidden", (8, 16))),
        ("method=kd", Axis("distillation.method", ("kd",))),
        ("learning-rate=0.1", Axis("training.learning_rate", (0.1,))),
    ],
)
def test_axes(text, axis):
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temperature", "'temperature' does not have the form SETTING=VALUE,VALUE"),
        ("temperature=", "does not have the form"),
        ("=1,2", "does not have the form"),
        ("temprature=1", "no setting 'temprature'"),
        ("temperature=1,,2", "temperature is '', and must be a number"),
        ("temperature=1,2,1.0", "'temperature' has the value 1 twice"),
        ("experiment.first_seed=1,2", r"A grid cannot vary 'experiment\.first_seed'"),
        ("seeds=1,2", "A grid cannot vary"),
        ("experiment.folds=2,3", "A grid cannot vary"),
        ("name=a,b", "A grid cannot vary 'name'"),
        ("student.options=1", "needs the name of an option"),
        ("training=1", "no setting 'training'"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(UserError, match=message):
        parse_axis(text)


def test_every_combination_once_in_order():
    axes = [make_axis("alpha", (0.0, 0.5)), make_axis("temperature", (1.0, 2.0, 4.0))]
    found = [tuple(each.values()) for each in combinations(axes)]
    first, second = ([(alpha, each) for each in (1.0, 2.0, 4.0)] for alpha in (0.0, 0.5))
    assert found == [*first, *second]
    assert combinations([]) == [{}]
    with pytest.raises(UserError, match="the axis 'alpha' twice"):
        combinations([axes[0], axes[0]])


def test_a_point_changes_what_it_names_and_nothing_else():
    recipe = RECIPES["digits"]
    changed = recipe.with_values({"distillation.temperature": 2.0, "student.options.hidden": 8})
    assert changed.distillation.temperature == 2.0
    assert changed.student.options == {**recipe.student.options, "hidden": 8}
    assert recipe.student.options["hidden"] == 32
    back = {"distillation.temperature": 4.0, "student.options.hidden": 32}
    assert changed.with_values(back) == recipe
    assert recipe.with_values({}) == recipe


def test_one_value_is_part_of_the_recipe_unless_it_belongs_to_what_varies():
    axes = [
        Axis("distillation.alpha", (0.5,)),
        Axis("student.model", ("mlp", "cnn")),
        Axis("training.epochs", (3,)),
        Axis("student.options.dense", (4,)),
        Axis("teacher.options.hidden", (5,)),
    ]
    recipe, others = fixed(Recipe(), axes)
    assert recipe.distillation.alpha == 0.5
    assert recipe.training.epochs == 3
    assert recipe.teacher.options == {"hidden": 5}
    assert [axis.field for axis in others] == ["student.model", "student.options.dense"]


@pytest.mark.parametrize("section", ["training", "teacher.training", "student.baseline"])
def test_an_optimizers_options_belong_to_each_optimizer(section):
    axes = [
        Axis(f"{section}.optimizer", ("sgd", "rmsprop")),
        Axis(f"{section}.optimizer_options.momentum", (0.9,)),
    ]
    recipe = Recipe().with_values({f"{section}.optimizer": "adam"})
    recipe, others = fixed(recipe, axes)
    assert others == axes
    for values in combinations(others):
        assert recipe.with_values(values).value(f"{section}.optimizer_options") == {"momentum": 0.9}


def test_an_assistants_options_belong_to_each_assistant():
    axes = [
        Axis("distillation.assistant", (None, "mlp")),
        Axis("distillation.assistant_options.hidden", (6,)),
    ]
    _, others = fixed(Recipe(), axes)
    assert [axis.field for axis in others] == [axis.field for axis in axes]
    changed = Recipe().with_values(combinations(others)[1])
    assert changed.distillation.assistant_options == {"hidden": 6}


def test_how_points_are_shown():
    setting = {
        "distillation.temperature": 4.0,
        "student.options.hidden": 8,
        "data.student_exclude": ("7", "8"),
    }
    assert show_setting(setting) == "temperature 4, student hidden 8, student exclude 7+8"
    assert make_axis("student.options.hidden", (8,)).title == "student hidden"

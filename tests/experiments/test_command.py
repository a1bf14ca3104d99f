"""Command lines: what a script makes of one is the experiment that it was made from."""

import pytest

from distill.cli import parse
from distill.experiments.command import ARMS_OF, command_of, make_command
from distill.experiments.grid import make_axis, parse_axis
from distill.recipes import RECIPES, Recipe

DOORS = dict(zip(ARMS_OF, ("teacher", "student", "distilled"), strict=True))


@pytest.mark.parametrize("script", ARMS_OF)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"temperature": 2.5, "seeds": 3},
        {"student_options": {"hidden": 7}},
        {"omitted_classes": ("3", "7"), "teacher_augmentation": (), "learning_rate": 0.0123456789},
        {"teacher": "mlp", "teacher_options": {"hidden": 9}, "folds": 5, "precision": "float32"},
    ],
)
def test_a_script_makes_the_same_recipe_of_it(script, values):
    recipe = RECIPES["mnist-hinton"].with_values(values)
    made, *arguments = command_of(recipe, [], ARMS_OF[script])
    assert made == script
    parsed, options = parse(DOORS[script], arguments)
    assert parsed == recipe
    assert options.grid == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("temperature", (1.0, 2.5)),
        ("noise_kind", ("uniform", "mixture")),
        ("omitted_classes", ((), ("3",), ("7", "8"))),
        ("student_options.max_norm", (None, 2.0)),
    ],
)
def test_axes_and_controls(field, values):
    axes, arms = [make_axis(field, values)], (*ARMS_OF["distillation_train.py"], "hard-label")
    script, *arguments = command_of(RECIPES["digits"], axes, arms, "elsewhere")
    _, options = parse(DOORS[script], arguments)
    assert [parse_axis(text) for text in options.grid] == axes
    assert (options.controls, options.runs) == (["hard-label"], "elsewhere")


def test_no_script_knows_a_strangers_recipe():
    assert command_of(Recipe(name="own"), [], ("teacher",)) is None


def test_the_default_folder_is_not_named():
    assert make_command("x.py", "digits", {}, study="alpha")[1:] == [
        "--recipe", "digits", "--study", "alpha"
    ]  # fmt: skip

"""Command lines: what a script makes of one is the experiment that it was made from."""

from pathlib import Path

import pytest

from distill.cli.parsing import parse
from distill.experiments.command import VARIANTS_OF, command_of, differences, make_command
from distill.experiments.grid import make_axis, parse_axis
from distill.recipes import RECIPES, Recipe

ROLES = dict(zip(VARIANTS_OF, ("teacher", "baseline", "distilled"), strict=True))


@pytest.mark.parametrize("script", VARIANTS_OF)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"distillation.temperature": 2.5, "experiment.seeds": 3},
        {"student.options.hidden": 7},
        {
            "data.student_exclude": ("3", "7"),
            "teacher.training.augmentation": (),
            "training.learning_rate": 0.0123456789,
        },
        {
            "teacher.model": "mlp",
            "teacher.options.hidden": 9,
            "experiment.folds": 5,
            "training.precision": "float32",
        },
        {"teacher.training.epochs": 3, "student.baseline.learning_rate": 0.5},
        {
            "distillation.method": "fitnet",
            "distillation.options.teacher_layers": ["dense1", "dense2"],
            "distillation.options.student_layers": [None, "hidden1"],
        },
        {"training.optimizer": "sgd", "training.optimizer_options.nesterov": True},
    ],
)
def test_a_script_makes_the_same_recipe_of_it(script, values):
    recipe = RECIPES["mnist-hinton"].with_values(values)
    made, *arguments = command_of(recipe, [], VARIANTS_OF[script])
    assert made == script
    line = parse(ROLES[script], arguments)
    assert line.recipe == recipe
    assert line.grid == ()
    assert line.ablations is None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("temperature", (1.0, 2.5)),
        ("data.noise_kind", ("uniform", "mixture")),
        ("data.student_exclude", ((), ("3",), ("7", "8"))),
        ("student.options.max_norm", (None, 2.0)),
    ],
)
def test_axes_and_ablations(field, values):
    axes, variants = (
        [make_axis(field, values)],
        (*VARIANTS_OF["distillation_train.py"], "hard-labels"),
    )
    script, *arguments = command_of(RECIPES["digits"], axes, variants, Path("elsewhere"))
    line = parse(ROLES[script], arguments)
    assert [parse_axis(text) for text in line.grid] == axes
    assert (line.ablations, line.runs) == (("hard-labels",), Path("elsewhere"))


def test_differences_name_what_changed():
    before = RECIPES["digits"]
    assert differences(before, before) == {}
    after = before.with_values({"student.options.hidden": 8, "data.noise": 0.5})
    assert differences(before, after) == {"data.noise": 0.5, "student.options.hidden": 8}


def test_no_script_knows_a_strangers_recipe():
    assert command_of(Recipe(name="own"), [], ("teacher",)) is None


def test_the_default_folder_is_not_named():
    command = make_command("x.py", "digits", {}, study="alpha")
    assert command == ["x.py", "--recipe", "digits", "--study", "alpha"]

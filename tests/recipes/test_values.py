"""Text to values: for every setting the text of a recipe's value gives the value back."""

import pytest

from distill.errors import UserError
from distill.recipes import RECIPES, flag_of, full_name, parse_option, parse_value, show_value
from distill.recipes.recipe import SHORT_NAMES
from distill.recipes.values import all_fields, is_options


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_value_has_a_text_that_gives_it_back(recipe):
    for name in all_fields():
        value = recipe.value(name)
        for option, each in (value or {}).items() if is_options(name) else ():
            assert parse_value(f"{name}.{option}", str(each)) == each
        # For names, none means that there are none.
        if not is_options(name) and not (value is None and name.endswith("augmentation")):
            text = "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert parse_value(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "2", 2.0),
        ("epochs", "7", 7),
        ("data.image_size", "None", None),
        ("teacher.training.translation", "none", None),
        ("data.student_exclude", "none", ()),
        ("data.student_exclude", "", ()),
        ("teacher.training.augmentation", "none", ()),
        ("teacher.training.augmentation", "flip", ("flip",)),
        ("training.augmentation", "none", ()),
        ("training.augmentation", "flip+zoom", ("flip", "zoom")),
        ("training.schedule_epochs", "2.5", 2.5),
        ("distillation.assistant", "none", None),
        ("data.student_exclude", "3", ("3",)),
        ("data.student_exclude", "cat+dog", ("cat", "dog")),
        ("experiment.learning_rates", "0.1+1e-3", (0.1, 0.001)),
        ("experiment.learning_rates", "none", ()),
        ("student.options.hidden", "30", 30),
        ("student.options.dropout", "0.5", 0.5),
        ("training.optimizer_options.nesterov", "True", True),
        ("teacher.training.optimizer_options.momentum", "0.9", 0.9),
        ("student.options.name", "relu", "relu"),
        ("batch-size", "8", 8),
    ],
)
def test_values(name, text, value):
    found = parse_value(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tempreature", "2", "A recipe has no setting 'tempreature'"),
        ("temperature.x", "2", "no setting 'temperature.x'"),
        ("training", "2", "no setting 'training'"),
        ("student.options", "2", "needs the name of an option: student.options.NAME=VALUE"),
        ("student.options.", "2", "student.options needs the name of an option"),
        ("temperature", "warm", "temperature is 'warm', and must be a number"),
        ("epochs", "1.5", "epochs is '1.5', and must be a whole number"),
    ],
)
def test_mistakes(name, text, message):
    with pytest.raises(UserError, match=message):
        parse_value(name, text)


def test_nothing_of_an_option_is_executed():
    for text in ("__import__('os').getcwd()", "lambda: 1", "1 + 1", "[1,"):
        assert parse_option(text) == text
    assert parse_option("[1, 2]") == [1, 2]


def test_short_and_dotted_names():
    for short, full in SHORT_NAMES.items():
        assert full in all_fields()
        assert full_name(short) == full
        assert flag_of(full) == f"--{short.replace('_', '-')}"


def test_values_as_tables_show_them():
    assert [show_value(each) for each in (0.1, 1e-4, True, "x", [1, 2])] == [
        "0.1",
        "0.0001",
        "True",
        "x",
        "1+2",
    ]

"""Text to values: for every field the default's own text gives the default back."""

import dataclasses

import pytest

from distill.errors import UserError
from distill.recipes import RECIPES, Recipe, parse_option, parse_value


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_fields_own_text_gives_its_value(recipe):
    for field in dataclasses.fields(Recipe):
        value = getattr(recipe, field.name)
        if not isinstance(value, dict):
            text = "+".join(value) if isinstance(value, tuple) else str(value)
            assert parse_value(field.name, text) == value
        for option, set_to in value.items() if isinstance(value, dict) else ():
            assert parse_value(f"{field.name}.{option}", str(set_to)) == set_to


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("temperature", "2", 2.0), ("epochs", "7", 7), ("image_size", "None", None),
        ("teacher_shift", "none", None), ("omitted_classes", "none", ()),
        ("teacher_augmentation", "none", None), ("teacher_augmentation", "flip", ("flip",)),
        ("augmentation", "none", ()), ("augmentation", "flip+zoom", ("flip", "zoom")),
        ("schedule_epochs", "2.5", 2.5), ("assistant", "none", None),
        ("omitted_classes", "3", ("3",)), ("omitted_classes", "cat+dog", ("cat", "dog")),
        ("student_options.hidden", "30", 30), ("student_options.dropout", "0.5", 0.5),
        ("optimizer_options.nesterov", "True", True), ("student_options.name", "relu", "relu"),
    ],
)  # fmt: skip
def test_values(field, text, value):
    found = parse_value(field, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("tempreature", "2", "A recipe has no field 'tempreature'"),
        ("temperature.x", "2", "no field 'temperature.x'"),
        ("student_options", "2", "name an option: student_options.NAME=VALUE"),
        ("student_options.", "2", "name an option"),
        ("temperature", "warm", "temperature is 'warm', and must be a number"),
        ("epochs", "1.5", "epochs is '1.5', and must be a whole number"),
    ],
)
def test_mistakes(field, text, message):
    with pytest.raises(UserError, match=message):
        parse_value(field, text)


def test_nothing_of_an_option_is_executed():
    for text in ("__import__('os').getcwd()", "lambda: 1", "1 + 1", "[1,"):
        assert parse_option(text) == text
    assert parse_option("[1, 2]") == [1, 2]

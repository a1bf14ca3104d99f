"""Recipes by name; each file states source or data, command, cost and result."""

import importlib
import pkgutil
import re

import pytest

import distill.recipes
from distill.errors import UserError
from distill.recipes import RECIPE_STUDIES, RECIPES, get_recipe, parse_value

FILES = [
    module.name
    for module in pkgutil.iter_modules(distill.recipes.__path__)
    if module.name not in ("recipe", "settings", "values")
]


def test_by_name():
    assert {"digits", "mnist-hinton", "flowers"} <= set(RECIPES)
    for name, recipe in RECIPES.items():
        assert get_recipe(name) is recipe
        assert recipe.name == name
    with pytest.raises(UserError, match="Unknown recipe 'x'; use one of digits, own-data"):
        get_recipe("x")


def test_names_of_other_recipes_exist():
    for recipe in RECIPES.values():
        assert recipe.teacher.pretraining in (None, *RECIPES)


@pytest.mark.parametrize("name", FILES)
def test_every_file_states_what_it_is(name):
    text = importlib.import_module(f"distill.recipes.{name}").__doc__
    for word in ("Data: ", "Command: python distillation_train.py", "Cost: ", "Result: "):
        assert word in text
    assert not re.search(r"\b[Ww]ork [A-E]\b", text)
    for command in re.findall(r"--recipe ([\w-]+)", text):
        assert command in RECIPES


STUDIES = [
    pytest.param(axes, id=f"{recipe}-{name}")
    for recipe, studies in RECIPE_STUDIES.items()
    for name, (_, *axes) in studies.items()
]


@pytest.mark.parametrize("axes", STUDIES)
def test_axes_of_studies_are_settings_with_values(axes):
    for axis in axes:
        name, values = axis.split("=")
        for value in values.split(","):
            parse_value(name, value)


def test_studies_ask_a_question():
    for recipe, studies in RECIPE_STUDIES.items():
        assert recipe in RECIPES
        for question, *axes in studies.values():
            assert "?" in question
            assert axes

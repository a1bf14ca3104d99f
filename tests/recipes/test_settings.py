"""`Settings`: equal values, options that are merged, names that do not exist, JSON."""

import numpy as np
import pytest

from distill.errors import UserError
from distill.recipes import RECIPES, Recipe
from distill.recipes.recipe import Data, Student
from distill.recipes.settings import allowed_values, effects_of, fields_of


def test_equal_values_are_the_same_settings():
    made = Recipe().with_values(
        {
            "distillation.temperature": 4,
            "training.schedule_epochs": 2,
            "data.include": ["1", "2"],
        }
    )
    same = Recipe().with_values({"training.schedule_epochs": 2.0, "data.include": ("1", "2")})
    assert repr(made) == repr(same)
    assert hash(made.data.include)
    recipe = Recipe().with_values({"teacher.options": {"max_norm": 2.0}})
    assert repr(recipe.with_values({"teacher.options.max_norm": 2})) == repr(recipe)


def test_options_are_merged():
    student = Student(model="mlp", options={"hidden": 8})
    assert student.with_values({"options.depth": 3}).options == {"hidden": 8, "depth": 3}
    assert student.with_values({"options": {"hidden": 2}}).options == {"hidden": 2}


def test_numbers_of_numpy_are_those_of_python():
    given = {"hidden": np.int64(8), "rates": (np.float64(0.5), np.array([1, 2]))}
    recipe = Recipe().with_values({"student.options": given, "teacher.options.x": np.True_})
    assert repr(recipe.student.options) == repr({"hidden": 8, "rates": (0.5, [1, 2])})
    assert Recipe.from_json(recipe.model_dump_json()).student.options["hidden"] == 8
    assert recipe.teacher.options["x"] is True


def test_another_model_drops_the_options():
    student = Student(model="mlp", options={"hidden": 8})
    assert student.with_values({"model": "cnn"}).options == {}
    changed = student.with_values({"model": "cnn", "options.filters": 2})
    assert changed.options == {"filters": 2}
    assert student.with_values({"model": "mlp"}).options == {"hidden": 8}


def test_options_of_an_assistant_wait_for_its_name():
    recipe = Recipe().with_values({"distillation.assistant_options.hidden": 8})
    named = recipe.with_values({"distillation.assistant": "mlp"})
    assert named.distillation.assistant_options == {"hidden": 8}


@pytest.mark.parametrize("name", ["alhpa", "training.alhpa", "training", "training.epochs.x"])
def test_names_that_do_not_exist(name):
    with pytest.raises(UserError, match=r"no setting|is 3, and must be"):
        Recipe().with_values({name: 3})


def test_unknown_names_are_told_in_full():
    with pytest.raises(UserError, match=r"no setting 'distillation\.alhpa'; --list settings"):
        Recipe().with_values({"distillation.alhpa": 0.5})


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_json_and_back(recipe):
    assert Recipe.from_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": 3}', '{"data": {"noise": 2}}'])
def test_bad_json(text):
    with pytest.raises(UserError) as caught:
        Recipe.from_json(text)
    assert "\n" not in str(caught.value)


def test_allowed_values_in_words():
    words = {name: allowed_values(field) for name, field, _ in fields_of(Recipe)}
    assert words["data.noise"] == "a number from 0 to 1"
    assert words["student.label_smoothing"] == "a number from 0 to below 1"
    assert words["teacher.training.epochs"] == "a whole number of 1 or more, or none"
    assert words["training.schedule_epochs"] == "a number above 0, or none"
    assert words["data.unreadable"] == "one of refuse, skip"
    assert words["teacher.training.augmentation"] == "names joined by +, or none"
    assert words["student.options"] == "options"


def test_every_setting_has_its_effect():
    effects = effects_of(Recipe)
    assert list(effects) == [name for name, *_ in fields_of(Recipe)]
    assert effects["student.baseline.epochs"].roles == {"baseline"}
    assert not effects["experiment.seeds"].roles


def test_unknown_fields_are_refused():
    with pytest.raises(UserError, match="no setting 'nmae'"):
        Data(nmae="digits")

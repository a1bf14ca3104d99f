"""Recipes: values in range, a help text for every field, a source and a cost for every recipe."""

import dataclasses
import importlib
import pkgutil
import typing

import pytest

import distill.recipes
from distill.errors import UserError
from distill.recipes import RECIPES, Recipe, get_recipe


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("temperature", 0), ("temperature", -1.0), ("temperature", float("inf")),
        ("temperature", "4"), ("alpha", -0.01), ("alpha", 1.01), ("alpha", float("nan")),
        ("label_fraction", 0.0), ("label_fraction", 1.5), ("learning_rate", 0.0),
        ("epochs", 0), ("batch_size", 0), ("seeds", 0), ("seed", -1), ("seed", 2**31),
        ("teacher_epochs", 0), ("teacher_learning_rate", -1.0), ("schedule", "linear"),
        ("precision", "float8"), ("unreadable", "ignore"), ("noise", -0.1), ("noise", 1.1),
        ("label_smoothing", 1.0), ("shift", -1), ("teacher_shift", -1), ("folds", 1),
        ("soft_targets", "none"), ("shown_epoch", "first"), ("noise_kind", "pink"),
        ("floor", 1.0), ("teacher_floor", -0.1), ("schedule_epochs", 0), ("warmup_epochs", -1),
        ("teacher_schedule", "linear"), ("teachers", 0), ("generations", 0),
        ("labels_learning_rate", 0.0),
    ],
)  # fmt: skip
def test_values_out_of_range(field, wrong):
    with pytest.raises(UserError, match=f"^{field} is .*must be"):
        Recipe(**{field: wrong})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ("1",), "dropped_classes": ("2",)}, "classes and dropped_classes are both"),
        ({"omitted_classes": ("1",), "kept_classes": ("2",)}, "set one of them to none"),
        ({"teacher_file": "t.keras", "teacher_pretraining": "digits"}, "set one of them to none"),
        ({"assistant": "mlp", "generations": 2}, "assistant and generations are both given"),
        ({"schedule": "halving"}, "The schedule 'halving' needs schedule_epochs"),
        ({"teacher_schedule": "restarts"}, "The schedule 'restarts' needs schedule_epochs"),
        ({"teachers": 2, "folds": 5}, "teachers is 2, and must be 1 with folds"),
        ({"teachers": 2, "teacher_file": "t.keras"}, "must be 1 with teacher_file"),
        ({"transfer_images": ()}, "transfer_images is empty"),
        ({"folds": 5, "teacher_pretraining": "digits"}, "must be none with teacher_pretraining"),
        ({"folds": 5, "transfer_images": ("own", "x")}, "must be none with transfer_images"),
        ({"soft_targets": "shuffled", "transfer_images": ("x",)}, "have no class to be shuffled"),
    ],
)
def test_values_that_do_not_go_together(values, message):
    with pytest.raises(UserError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    "field", ["epochs", "teacher_epochs", "batch_size", "shift", "seed", "seeds", "teachers"]
)
def test_fractions_of_whole_numbers_are_refused(field):
    with pytest.raises(UserError, match=rf"^{field} is 1\.5, and must be a whole number"):
        Recipe(**{field: 1.5})


def test_equal_values_are_the_same_recipe():
    made = Recipe(temperature=4, schedule_epochs=2, classes=["1", "2"])
    assert repr(made) == repr(Recipe(temperature=4.0, schedule_epochs=2.0, classes=("1", "2")))
    assert hash(made.classes)
    recipe = Recipe(teacher_options={"max_norm": 2.0})
    assert repr(recipe.with_values({"teacher_options": {"max_norm": 2}})) == repr(recipe)


def test_fields_and_options_that_are_laid_over():
    recipe = Recipe(student="mlp", student_options={"hidden": 8}, optimizer_options={"x": 1})
    changed = recipe.with_values({"alpha": 0.5, "student_options": {"depth": 3}})
    assert (changed.alpha, changed.student_options) == (0.5, {"hidden": 8, "depth": 3})
    assert changed.optimizer_options == {"x": 1}
    other = recipe.with_values({"student": "cnn", "student_options": {"filters": 2}})
    assert other.student_options == {"filters": 2}
    with pytest.raises(UserError, match="A recipe has no field 'alhpa'"):
        recipe.with_values({"alhpa": 0.5})


def test_limits_are_allowed():
    Recipe(alpha=0, temperature=0.01, label_fraction=1, seed=0, epochs=1)
    Recipe(alpha=1, seed=2**31 - 1)


def test_every_field_has_help():
    for name, hint in typing.get_type_hints(Recipe, include_extras=True).items():
        kind, text = typing.get_args(hint)
        assert len(text) > 5, name
        assert kind is not None


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPES["digits"].alpha = 0.5


def test_one_seed_of_a_recipe():
    one = RECIPES["digits"].with_seed(7)
    assert (one.seed, one.seeds) == (7, 1)
    assert dataclasses.replace(one, seed=0, seeds=5) == RECIPES["digits"]


def test_by_name():
    assert {"digits", "mnist-hinton", "flowers"} <= set(RECIPES)
    for name, recipe in RECIPES.items():
        assert get_recipe(name) is recipe
        assert recipe.name == name
    with pytest.raises(UserError, match="Unknown recipe 'x'; use one of digits, few-labels"):
        get_recipe("x")


def test_every_recipe_states_its_cost():
    modules = [module.name for module in pkgutil.iter_modules(distill.recipes.__path__)
               if module.name not in ("recipe", "values")]  # fmt: skip
    assert len(modules) >= 6
    for name in modules:
        assert "Cost: " in importlib.import_module(f"distill.recipes.{name}").__doc__, name

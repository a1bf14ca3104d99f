"""`compare`: one's own teacher, student and data become a recipe; the docstring trains one."""

import keras
import numpy as np
import pytest

from distill import comparison
from distill.comparison import compare
from distill.data import DATASETS, load_digits
from distill.errors import UserError
from distill.models import MODELS
from distill.training.data import data_of


def teacher(units=10):
    layers = [keras.layers.Flatten(), keras.layers.Dense(units)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers], name="mine")


def small_student(input_shape, classes):
    return teacher(classes)


@pytest.fixture
def asked(monkeypatch):
    """The recipe for which an experiment was asked; nothing is trained."""
    recipes = []
    monkeypatch.setattr(
        comparison, "run_experiment", lambda recipe, runs, console: recipes.append(recipe)
    )
    monkeypatch.setattr(comparison, "_registered", [])
    before = dict(DATASETS), dict(MODELS)
    yield recipes
    for registry, names in zip((DATASETS, MODELS), before, strict=True):
        registry.clear()
        registry.update(names)


def test_names_and_files_are_taken_as_on_the_command_line(asked, tmp_path):
    compare("big.keras", "mlp", "digits", {"training.epochs": 3}, tmp_path)
    compare(tmp_path / "big.keras", tmp_path / "small.keras", tmp_path)
    first, second = asked
    assert first.name == second.name == "own-data"
    assert (first.teacher.file, first.student.model, first.data.name) == (
        "big.keras",
        "mlp",
        "digits",
    )
    assert first.student.options == {}
    assert first.training.epochs == 3
    assert second.student.file == str(tmp_path / "small.keras")
    assert second.data.name == str(tmp_path)
    assert first.experiment.seeds == 3


def test_a_model_is_saved_once_for_its_weights(asked, tmp_path):
    model = teacher()
    for _ in range(2):
        compare(model, "mlp", "digits", runs=tmp_path)
    files = {recipe.teacher.file for recipe in asked}
    assert files == {str(path) for path in (tmp_path / "teachers").iterdir()}
    (file,) = files
    images = load_digits().test.images[:3]
    np.testing.assert_array_equal(keras.models.load_model(file)(images), model(images))
    model.set_weights([weight + 1 for weight in model.get_weights()])
    compare(model, "mlp", "digits", runs=tmp_path)
    assert len(list((tmp_path / "teachers").iterdir())) == 2


def test_functions_and_data_are_registered_and_may_be_given_again(asked, tmp_path):
    digits = load_digits()
    data = type(digits)("mine", digits.class_names, digits.test, digits.validation, digits.train)
    other = type(digits)("mine", digits.class_names, digits.train, digits.validation, digits.test)
    for each in (data, other):
        compare("big.keras", small_student, each, runs=tmp_path)
        recipe = asked[-1].with_values({"teacher.file": None})
        assert recipe.data.name == "mine"
        assert len(data_of(recipe).train) == len(each.train)
        assert MODELS[recipe.student.model] is small_student


def test_names_that_are_taken(asked, tmp_path):
    def mlp(input_shape, classes):
        return teacher(classes)

    with pytest.raises(UserError, match="student's name 'mlp' is taken"):
        compare("big.keras", mlp, "digits", runs=tmp_path)
    with pytest.raises(UserError, match="data set's name 'digits' is taken"):
        compare("big.keras", "mlp", load_digits(), runs=tmp_path)


def test_a_teacher_that_cannot_be_saved(asked, tmp_path):
    class NoConfig(keras.Model):
        def __init__(self, units):
            super().__init__()

        def get_config(self):
            raise NotImplementedError

    with pytest.raises(UserError, match="has no get_config"):
        compare(NoConfig(3), "mlp", "digits", runs=tmp_path)

"""Runs with a user's models and methods are found again only while their code is the same."""

import keras
import pytest

from distill.data import AUGMENTATIONS
from distill.methods import METHODS, Method, kd
from distill.models import MODELS
from distill.recipes import get_recipe
from distill.runs import Role
from distill.training.code import code_fingerprint
from distill.training.spec import settings_of

MODEL = """
def own(input_shape, classes, units=8):
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(units)]
    assert units not in {"many", "few"}
    return keras.Sequential([*layers, keras.layers.Dense(classes)])
"""
METHOD = """
class own(Method):
    def call(self, teacher, student, batch):
        return kd(student.logits, teacher.logits, batch.temperature)
"""
AUGMENTATION = """
def own(image_shape):
    return lambda images, seeds: images + 1
"""


def written(source, *change):
    """Returns what a notebook's cell with that source defines, as it is or changed."""
    scope = {"keras": keras, "Method": Method, "kd": kd, "__name__": "__main__"}
    exec(source.replace(*change) if change else source, scope)
    return scope["own"]


def test_a_changed_model_is_another_run(monkeypatch):
    found = []
    recipe = get_recipe("digits").with_values({"student.model": "own"})
    for change in ((), ("def own", "\n\ndef own"), ("=8", "=9")):
        monkeypatch.setitem(MODELS, "own", written(MODEL, *change))
        found.append(settings_of(Role.BASELINE, recipe))
    assert found[0] == found[1] != found[2]


def test_a_changed_method_is_another_run(monkeypatch):
    found = []
    recipe = get_recipe("digits").with_values({"distillation.method": "own"})
    for change in ((), ("class own", "\n\nclass own"), ("temperature)\n", "temperature / 2)\n")):
        monkeypatch.setitem(METHODS, "own", written(METHOD, *change))
        found.append(settings_of(Role.DISTILLED, recipe))
    assert found[0] == found[1] != found[2]
    assert "model_code" not in found[0]


def test_a_changed_augmentation_is_another_run(monkeypatch):
    found = []
    recipe = get_recipe("digits").with_values({"training.augmentation": ("own",)})
    for change in ((), ("def own", "\n\ndef own"), ("+ 1", "+ 2")):
        monkeypatch.setitem(AUGMENTATIONS, "own", written(AUGMENTATION, *change))
        found.append(settings_of(Role.TEACHER, recipe))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "thing", [*MODELS.values(), *METHODS.values(), *AUGMENTATIONS.values(), None]
)
def test_what_this_package_defines_has_no_fingerprint(thing):
    assert code_fingerprint(thing) is None


def test_an_inherited_function_counts():
    first = type("Own", (written(METHOD),), {})
    second = type("Own", (written(METHOD, "return kd", "return -kd"),), {})
    assert code_fingerprint(first) != code_fingerprint(second)


def test_where_a_default_value_lies_in_memory_does_not_matter():
    change = ("units=8", "units=8, start=keras.initializers.HeNormal()")
    first, second = written(MODEL, *change), written(MODEL, *change)
    assert repr(first.__defaults__) != repr(second.__defaults__)
    assert code_fingerprint(first) == code_fingerprint(second)

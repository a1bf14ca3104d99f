"""Runs of a user's own models and methods are found again only while their code is the same."""

import keras
import pytest

from distill.methods import METHODS, Method, kd
from distill.models import MODELS
from distill.own_code import code_fingerprint
from distill.preparation import identity_of
from distill.recipes import get_recipe

RECIPE = get_recipe("digits").with_values({"student": "own", "student_options": {}})


MODEL = """
def own(input_shape, classes, units=8):
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(units)]
    assert units not in {"many", "few"}
    return keras.Sequential([*layers, keras.layers.Dense(classes)])
"""
METHOD = """
class own(Method):
    def call(self, teacher_logits, student_logits, temperature):
        return kd(student_logits, teacher_logits, temperature)
"""


def written(source, *change):
    """What a notebook's cell of that source defines, as it is or changed."""
    scope = {"keras": keras, "Method": Method, "kd": kd, "__name__": "__main__"}
    exec(source.replace(*change) if change else source, scope)
    return scope["own"]


def test_a_changed_model_is_another_run(monkeypatch):
    found = []
    for change in ((), ("def own", "\n\ndef own"), ("=8", "=9")):
        monkeypatch.setitem(MODELS, "own", written(MODEL, *change))
        found.append(identity_of("student", RECIPE))
    assert found[0] == found[1] != found[2]


def test_a_changed_method_is_another_run(monkeypatch):
    found = []
    recipe = get_recipe("digits").with_values({"method": "own"})
    for change in ((), ("class own", "\n\nclass own"), ("temperature)\n", "2 * temperature)\n")):
        monkeypatch.setitem(METHODS, "own", written(METHOD, *change))
        found.append(identity_of("distilled", recipe))
    assert found[0] == found[1] != found[2]
    assert "model_code" not in found[0]


@pytest.mark.parametrize("thing", [*MODELS.values(), *METHODS.values()])
def test_what_is_this_packages_has_its_name_only(thing):
    assert code_fingerprint(thing) is None


def test_an_inherited_function_counts():
    first, second = (type("Own", (written(METHOD, *change),), {}) for change in
                     ((), ("return kd", "return -kd")))  # fmt: skip
    assert code_fingerprint(first) != code_fingerprint(second)


def test_where_a_default_value_lies_in_memory_does_not_matter():
    change = ("units=8", "units=8, start=keras.initializers.HeNormal()")
    first, second = written(MODEL, *change), written(MODEL, *change)
    assert repr(first.__defaults__) != repr(second.__defaults__)
    assert code_fingerprint(first) == code_fingerprint(second)

"""The contract of a method: called alone, by name, as a function, as a subclass, as a mistake."""

import keras
import numpy as np
import pytest
from keras import ops

from distill.errors import UserError
from distill.methods import METHODS, Batch, FunctionMethod, Method, Outputs, get_method
from distill.methods.method import STAGES

TEACHER = np.array([[4.0, 0.0], [1.0, 1.0]], "float32")
STUDENT = np.array([[1.0, 1.0], [0.0, 2.0]], "float32")
PAIR = Outputs(TEACHER, (TEACHER,)), Outputs(STUDENT, (STUDENT,))


@keras.saving.register_keras_serializable(package="distill_tests")
def absolute(teacher_logits, student_logits, temperature):
    return ops.sum(ops.absolute(teacher_logits - student_logits), axis=-1) / temperature


@pytest.mark.parametrize("name", METHODS)
def test_every_name_gives_a_method_that_can_be_called(name):
    method, pair = get_method(name), PAIR
    if method.teacher_layers == STAGES:
        maps = np.ones((2, 4, 4, 3), "float32"), np.ones((2, 2, 2, 3), "float32")
        pair = [outputs._replace(features=maps) for outputs in PAIR]
    method.examples = 2
    parts = method(*pair, Batch(index=np.arange(2), temperature=2.0))
    assert parts
    assert all(values.shape == (2,) for values in parts.values())


def test_a_function():
    method = get_method(absolute)
    batch = Batch(temperature=2.0)
    np.testing.assert_allclose(method(*PAIR, batch)["absolute"], [2.0, 1.0])
    again = FunctionMethod.from_config(method.get_config())
    np.testing.assert_allclose(again(*PAIR, batch)["absolute"], [2.0, 1.0])
    assert list(get_method(lambda t, s, temperature: s[:, 0])(*PAIR)) == ["function"]


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda t, s, temperature: ops.mean(t - s), r"\(\)"),
        (lambda t, s, temperature: t - s, r"\(2, 2\)"),
        (lambda t, s, temperature: ops.zeros((3,)), r"\(3,\)"),
    ],
)
def test_a_part_of_another_shape(function, shape):
    message = rf"'function' has shape {shape}; it must have one value per example"
    with pytest.raises(UserError, match=message):
        get_method(function)(*PAIR)


class Calls(Method):
    """Returns what it is told to; keeps what it was given."""

    returned = None

    def call(self, teacher, student, batch):
        self.given = teacher, student, batch
        return self.returned


def test_what_call_is_given():
    method = Calls(name="own")
    method.returned = np.zeros(2, "float32")
    half = PAIR[0]._replace(logits=TEACHER.astype("float16")), PAIR[1]
    batch = Batch(np.array([[1], [0]]), np.array([[5], [6]]), temperature=3.0, training=True)
    assert list(method(*half, batch)) == ["own"]
    teacher, student, batch = method.given
    tensors = teacher.logits, *teacher.features, student.logits, batch.temperature
    assert {keras.backend.standardize_dtype(each.dtype) for each in tensors} == {"float32"}
    assert (batch.labels.shape, batch.index.shape) == ((2,), (2,))
    assert batch.training is True
    method(*PAIR)
    assert method.given[2].labels is None
    assert (float(method.given[2].temperature), method.given[2].training) == (1.0, False)


def test_no_parts():
    method = Calls(name="own")
    method.returned = {}
    with pytest.raises(UserError, match="The method 'own' returned no parts"):
        method(*PAIR)


def test_method_without_call():
    class Empty(Method):
        pass

    with pytest.raises(NotImplementedError, match="Empty must implement call"):
        Empty()(*PAIR)


def test_add_loss_is_refused():
    with pytest.raises(UserError, match="'own' calls add_loss; return the loss of each example"):
        Calls(name="own").add_loss(ops.zeros(()))


@pytest.mark.parametrize("wrong", ["kdd", None, 3, Method])
def test_what_is_no_method(wrong):
    with pytest.raises(UserError, match=r"Unknown method .*use one of kd, mse_logits"):
        get_method(wrong)


def test_options_of_what_is_no_name():
    for method in (absolute, Calls(name="own")):
        with pytest.raises(UserError, match=r"is not a name, so it takes no options such as 'we"):
            get_method(method, weight=2.0)


def test_float32_under_a_half_precision_policy():
    keras.config.set_dtype_policy("mixed_float16")
    half = Outputs(TEACHER.astype("float16")), Outputs(STUDENT.astype("float16"))
    (losses,) = get_method("kd")(*half, Batch(temperature=2.0)).values()
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"


def test_building_from_saved_shapes():
    method = get_method("fitnet")
    method.examples = 7
    method(*PAIR)
    again = get_method("fitnet")
    again.build_from_config(method.get_build_config())
    again.set_weights(method.get_weights())
    assert again.examples == 7
    for name, values in method(*PAIR).items():
        np.testing.assert_array_equal(again(*PAIR)[name], values)
    assert get_method("fitnet").get_build_config() is None


def test_a_function_of_a_module_has_its_own_options(tmp_path, monkeypatch):
    (tmp_path / "own_methods_for_test.py").write_text(
        "def scaled(teacher, student, temperature, scale: float = 1.0):\n"
        "    return scale * (teacher - student)[:, 0]\n"
    )
    monkeypatch.chdir(tmp_path)
    method = get_method("own_methods_for_test:scaled", scale=3.0)
    (plain,) = get_method("own_methods_for_test:scaled")(*PAIR, Batch(temperature=1.0)).values()
    found = method(*PAIR, Batch(temperature=1.0))
    np.testing.assert_allclose(found["scaled"], 3 * plain)
    with pytest.raises(UserError, match="no option 'teacher'; it has scale"):
        get_method("own_methods_for_test:scaled", teacher=1)
    with pytest.raises(UserError, match=r"scale of the method .* is 'x', and must be a number"):
        get_method("own_methods_for_test:scaled", scale="x")

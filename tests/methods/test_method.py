"""Methods by name, as one's own function and as one's own subclass."""

import keras
import numpy as np
import pytest
from keras import ops

from distill.errors import UserError
from distill.methods import METHODS, FunctionMethod, Method, get_method

TEACHER = np.array([[4.0, 0.0], [1.0, 1.0]], "float32")
STUDENT = np.array([[1.0, 1.0], [0.0, 2.0]], "float32")


@keras.saving.register_keras_serializable(package="distill_tests")
def absolute(teacher_logits, student_logits, temperature):
    return ops.sum(ops.absolute(teacher_logits - student_logits), axis=-1) / temperature


def test_every_name_gives_a_method():
    for name in METHODS:
        method = get_method(name)
        features = {"teacher_features": TEACHER, "student_features": STUDENT}
        hint = {} if method.hint is None else features
        losses = method(TEACHER, STUDENT, temperature=2.0, **hint)
        assert losses.shape == (2,)


def test_own_function():
    method = get_method(absolute)
    np.testing.assert_allclose(method(TEACHER, STUDENT, temperature=2.0), [2.0, 1.0])
    again = FunctionMethod.from_config(method.get_config())
    np.testing.assert_allclose(again(TEACHER, STUDENT, temperature=2.0), [2.0, 1.0])


def test_own_function_that_reduces_too_much():
    method = get_method(lambda teacher, student, temperature: ops.mean(teacher - student))
    with pytest.raises(UserError, match=r"returned shape \(\); it must return one value per"):
        method(TEACHER, STUDENT, temperature=2.0)


def test_method_without_call():
    class Empty(Method):
        pass

    with pytest.raises(NotImplementedError, match="Empty must implement call"):
        Empty()(TEACHER, STUDENT, temperature=2.0)


@pytest.mark.parametrize("wrong", ["kdd", None, 3, Method])
def test_what_is_no_method(wrong):
    with pytest.raises(UserError, match=r"Unknown method .*use one of kd, mse_logits"):
        get_method(wrong)


def test_float32_under_a_half_precision_policy():
    keras.config.set_dtype_policy("mixed_float16")
    losses = get_method("kd")(TEACHER.astype("float16"), STUDENT, temperature=2.0)
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"

"""Standardised logits: against NumPy, invariances, wrapped methods, a saved method."""

import keras
import numpy as np
import pytest
from method_tools import gradient, logits_pair, losses

from distill.errors import UserError
from distill.methods import DKD, KD, FitNet, Standardised, get_method, standardise


def test_mean_zero_and_deviation_one():
    teacher, _ = logits_pair(33, 10)
    wide = teacher.astype("float64")
    wanted = (wide - wide.mean(-1, keepdims=True)) / wide.std(-1, keepdims=True)
    np.testing.assert_allclose(standardise(teacher), wanted, rtol=1e-5, atol=1e-6)


def test_is_the_method_on_standardised_logits_whatever_their_scale():
    teacher, student = logits_pair()
    wanted = losses(KD(), *(np.asarray(standardise(each)) for each in (teacher, student)), 2.0)
    got = losses(Standardised("kd"), 10 * teacher + 5, student / 3 - 1, 2.0)
    np.testing.assert_allclose(got["kd"], wanted["kd"], rtol=1e-4, atol=1e-6)


def test_a_wrapped_method_has_its_labels_and_parts():
    teacher, student = logits_pair()
    method = Standardised(DKD(non_target_weight=2.0))
    assert list(losses(method, teacher, student, labels=np.arange(7) % 5)) == [
        "target",
        "non_target",
    ]
    config = keras.saving.serialize_keras_object(method)
    again = keras.saving.deserialize_keras_object(config)
    assert again.method.non_target_weight == 2.0


def test_constant_logits_have_a_finite_gradient():
    zeros = np.zeros((4, 3), "float32")
    assert np.all(np.isfinite(gradient(Standardised(), zeros, zeros)))


def test_by_name():
    assert get_method("standardised", method="dist").method.name == "dist"
    for method in (FitNet(), "multi_label_kd"):
        with pytest.raises(UserError, match="does not compare the logits of one softmax"):
            Standardised(method)

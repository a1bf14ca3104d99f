"""Multi-level logit distillation against NumPy in float64."""

import numpy as np
import pytest
from method_tools import finite_differences, gradient, logits_pair, losses
from scipy.special import softmax
from scipy.stats import entropy

from distill.errors import UserError
from distill.methods import MultiLevel


@pytest.mark.parametrize("shape", [(1, 2), (7, 5), (33, 100)])
def test_equals_float64_formula(shape):
    teacher, student = logits_pair(*shape)
    got = losses(MultiLevel((1.0, 4.0)), teacher, student)
    wanted = {"instance": 0.0, "batch": 0.0, "class": 0.0}
    for temperature in (1.0, 4.0):
        p, q = (softmax(each.astype("float64") / temperature, -1) for each in (teacher, student))
        wanted["instance"] += temperature**2 * np.mean(entropy(p, q, axis=-1))
        wanted["batch"] += np.sum((p @ p.T - q @ q.T) ** 2) / shape[0]
        wanted["class"] += np.sum((p.T @ p - q.T @ q) ** 2) / shape[1]
    for name, values in got.items():
        assert values.shape == shape[:1]
        np.testing.assert_allclose(np.mean(values), wanted[name], rtol=1e-5)


def test_gradient_against_finite_differences():
    teacher, student = logits_pair(4, 3, scale=1.0)
    wanted = finite_differences(MultiLevel(dtype="float64"), teacher, student)
    found = gradient(MultiLevel(), teacher, student)
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-4)


def test_equal_models_have_no_loss_and_extreme_logits_a_finite_one():
    teacher, student = (np.clip(each * 1e4, -1e4, 1e4) for each in logits_pair())
    for values in losses(MultiLevel(), teacher, teacher).values():
        np.testing.assert_array_equal(values, 0)
    for values in losses(MultiLevel(), teacher, student).values():
        assert np.all(np.isfinite(values))


@pytest.mark.parametrize("temperatures", [(), 2.0, (1.0, 0.0)])
def test_wrong_temperatures(temperatures):
    with pytest.raises(UserError, match="temperatures is"):
        MultiLevel(temperatures)

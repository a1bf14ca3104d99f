"""DIST against NumPy's correlation in float64."""

import numpy as np
import pytest
from method_tools import finite_differences, gradient, logits_pair, losses
from scipy.special import softmax

from distill.methods import DIST


def correlation(x, y):
    """NumPy's, with the small number that the authors add to the product of lengths."""
    lengths = np.sqrt(np.sum((x - x.mean()) ** 2) * np.sum((y - y.mean()) ** 2))
    return np.corrcoef(x, y)[0, 1] * lengths / (lengths + 1e-8)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 5), (33, 100)])
def test_equals_numpys_correlation(shape, temperature):
    teacher, student = logits_pair(*shape)
    p, q = (softmax(each.astype("float64") / temperature, -1) for each in (teacher, student))
    inter = [1 - correlation(p[row], q[row]) for row in range(shape[0])]
    intra = np.mean([1 - correlation(p[:, col], q[:, col]) for col in range(shape[1])])
    method = DIST(inter_weight=2.0, intra_weight=3.0)
    got = losses(method, teacher, student, temperature)
    square = temperature**2
    np.testing.assert_allclose(got["inter_class"], 2 * square * np.array(inter), rtol=1e-4)
    np.testing.assert_allclose(got["intra_class"], [3 * square * intra] * shape[0], rtol=1e-4)


def test_equal_models_have_no_loss():
    teacher, _ = logits_pair()
    for values in losses(DIST(), teacher, teacher).values():
        np.testing.assert_allclose(values, 0, atol=1e-6)


def test_gradient_against_finite_differences():
    teacher, student = logits_pair(4, 3, scale=1.0)
    wanted = finite_differences(DIST(dtype="float64"), teacher, student)
    np.testing.assert_allclose(gradient(DIST(), teacher, student), wanted, rtol=1e-2, atol=1e-4)


def test_constant_and_extreme_logits_have_finite_gradients():
    teacher, student = (np.clip(each * 1e4, -1e4, 1e4) for each in logits_pair())
    for pair in ((teacher, student), (np.zeros_like(teacher), np.zeros_like(student))):
        for values in losses(DIST(), *pair).values():
            assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(gradient(DIST(), *pair)))

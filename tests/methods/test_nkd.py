"""NKD against NumPy in float64."""

import numpy as np
import pytest
from method_tools import gradient, logits_pair, losses
from scipy.special import softmax

from distill.methods import NKD


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("shape", [(1, 2), (7, 5), (33, 100)])
def test_equals_float64_formula(shape, temperature):
    teacher, student = logits_pair(*shape)
    labels = np.arange(shape[0]) % shape[1]
    got = losses(NKD(weight=2.0), teacher, student, temperature, labels=labels)
    for row, c in enumerate(labels):
        t, s = teacher[row].astype("float64"), student[row].astype("float64")
        target = -softmax(t)[c] * np.log(softmax(s)[c])
        others = [i for i in range(shape[1]) if i != c]
        p, q = softmax(t[others] / temperature), softmax(s[others] / temperature)
        np.testing.assert_allclose(got["target"][row], target, rtol=1e-5)
        wanted = -2 * temperature**2 * np.sum(p * np.log(q))
        np.testing.assert_allclose(got["non_target"][row], wanted, rtol=1e-5, atol=1e-6)


def test_a_shift_of_the_logits_changes_nothing():
    teacher, student = logits_pair()
    labels = np.arange(7) % 5
    got = losses(NKD(), teacher + 50, student - 50, labels=labels)
    wanted = losses(NKD(), teacher, student, labels=labels)
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extreme_logits(dtype):
    teacher, student = (np.clip(each * 1e4, -1e4, 1e4).astype(dtype) for each in logits_pair())
    for values in losses(NKD(), teacher, student, labels=np.arange(7) % 5).values():
        assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradient(NKD(), teacher, student, labels=np.arange(7) % 5)))

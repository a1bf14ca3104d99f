"""DKD against NumPy in float64, and as a split of Hinton's loss."""

import numpy as np
import pytest
from method_tools import gradient, logits_pair, losses
from scipy.special import softmax

from distill.methods import DKD, dkd, kd

SHAPES = [(1, 2), (7, 5), (33, 100)]


def by_example(teacher, student, classes, temperature):
    """The paper's equation, one example and one class at a time."""
    rows = []
    for t, s, c in zip(teacher.astype("float64"), student.astype("float64"), classes, strict=True):
        p, q = softmax(t / temperature), softmax(s / temperature)
        target = p[c] * np.log(p[c] / q[c]) + (1 - p[c]) * np.log((1 - p[c]) / (1 - q[c]))
        others = [i for i in range(len(t)) if i != c]
        p, q = p[others] / p[others].sum(), q[others] / q[others].sum()
        rows.append((temperature**2 * target, temperature**2 * np.sum(p * np.log(p / q))))
    return np.transpose(rows)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_float64_formula(shape, temperature):
    teacher, student = logits_pair(*shape)
    classes = np.arange(shape[0]) % shape[1]
    got = dkd(teacher, student, classes, temperature)
    wanted = by_example(teacher, student, classes, temperature)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_is_a_split_of_hintons_loss():
    teacher, student = logits_pair(33, 10)
    classes = np.arange(33) % 10
    target, others = (np.asarray(term) for term in dkd(teacher, student, classes, 4.0))
    rest = 1 - softmax(teacher / 4, axis=-1)[np.arange(33), classes]
    np.testing.assert_allclose(target + rest * others, kd(teacher, student, 4.0), rtol=1e-4)


def test_equal_models_and_shifted_logits_have_no_loss():
    teacher, _ = logits_pair()
    parts = losses(DKD(), teacher, teacher + 100, temperature=4.0, labels=np.arange(7) % 5)
    for values in parts.values():
        np.testing.assert_allclose(values, 0, atol=1e-5)


def test_weights_and_examples_without_a_label():
    teacher, student = logits_pair()
    labels = np.array([0, 1, 2, 3, -1, -1, 4])
    classes = np.where(labels < 0, teacher.argmax(-1), labels)
    target, others = by_example(teacher, student, classes, 2.0)
    got = losses(
        DKD(target_weight=3.0, non_target_weight=0.5), teacher, student, 2.0, labels=labels
    )
    np.testing.assert_allclose(got["target"], 3 * target, rtol=1e-5)
    np.testing.assert_allclose(got["non_target"], others / 2, rtol=1e-5)
    rows = np.eye(5)[classes]
    again = losses(
        DKD(target_weight=3.0, non_target_weight=0.5), teacher, student, 2.0, labels=rows
    )
    np.testing.assert_array_equal(again["target"], got["target"])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extreme_logits(dtype):
    teacher, student = (np.clip(each * 1e4, -1e4, 1e4).astype(dtype) for each in logits_pair())
    labels = np.arange(7) % 5
    for values in losses(DKD(), teacher, student, labels=labels).values():
        assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradient(DKD(), teacher, student, labels=labels)))

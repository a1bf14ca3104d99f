"""Activation boundaries against loops over neurons, and the connector in both modes."""

import numpy as np
import pytest
from method_tools import losses, normal, outputs

from distill.errors import UserError
from distill.methods import AB
from distill.methods.ab import boundary_loss


def test_equals_the_papers_cases_neuron_by_neuron():
    teacher, student = np.maximum(normal(3, 2, 2, 5), 0), 2 * normal(3, 2, 2, 5, seed=1)
    got = boundary_loss(teacher, student, 0.7)
    for row in range(3):
        wanted = 0.0
        for t, s in zip(teacher[row].ravel(), student[row].ravel().astype("float64"), strict=True):
            wanted += (s + 0.7) ** 2 if t <= 0 and s > -0.7 else 0.0
            wanted += (s - 0.7) ** 2 if t > 0 and s <= 0.7 else 0.0
        np.testing.assert_allclose(got[row], wanted, rtol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_later_layers_count_more_and_the_connector_normalises(training):
    teacher, student = outputs((4, 4, 6), (2, 2, 5)), outputs((4, 4, 3), (4, 4, 2), seed=1)
    method = AB(("a", "b"), ("a", "b"), weight=2.0, margin=0.5)
    method(teacher, student)
    small = student.features[1].reshape(4, 2, 2, 2, 2, 2).mean((2, 4))
    wanted = 0.0
    for number, s in enumerate((student.features[0], small)):
        x = s.astype("float64") @ method.connectors[number].convolution.kernel.numpy()
        mean, variance = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if training else (0, 1)
        x = (x - mean) / np.sqrt(variance + 1e-3)
        t = teacher.features[number]
        wanted = wanted + 2 * (0.5, 1)[number] * np.asarray(boundary_loss(t, x, 0.5))
    got = losses(method, teacher, student, training=training)["ab"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_a_wrong_margin():
    with pytest.raises(UserError, match="margin is 0, and must be a positive number"):
        AB(margin=0)

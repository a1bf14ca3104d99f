"""Neuron selectivity transfer against NumPy in float64, one pair of channels at a time."""

import numpy as np
from method_tools import gradient_of_features, losses, outputs

from distill.methods import NST


def by_loops(teacher, student):
    """The paper's discrepancy of one example, from maps (height, width, channels)."""
    channels = [
        [channel / np.linalg.norm(channel) for channel in maps.reshape(-1, maps.shape[-1]).T]
        for maps in (teacher.astype("float64"), student.astype("float64"))
    ]

    def mean(left, right):
        return np.mean([[(x @ y) ** 2 for x in left] for y in right])

    t, s = channels
    return mean(t, t) + mean(s, s) - 2 * mean(t, s)


def test_equals_float64_formula_over_pairs_of_layers():
    teacher, student = outputs((4, 4, 6), (2, 3, 5)), outputs((4, 4, 3), (2, 3, 2), seed=1)
    got = losses(NST(("a", "b"), ("a", "b"), weight=10.0), teacher, student)
    for row in range(4):
        pairs = zip(teacher.features, student.features, strict=True)
        wanted = 10 * sum(by_loops(t[row], s[row]) for t, s in pairs)
        np.testing.assert_allclose(got["nst"][row], wanted, rtol=1e-4)


def test_the_same_channels_in_another_order_and_size_have_no_loss():
    teacher = outputs((4, 4, 6))
    student = teacher._replace(features=(2 * teacher.features[0][..., ::-1],))
    np.testing.assert_allclose(losses(NST("a", "a"), teacher, student)["nst"], 0, atol=1e-4)


def test_channels_of_zeros_have_finite_gradients():
    teacher = outputs((4, 4, 6))
    zeros = teacher._replace(features=(0 * teacher.features[0],))
    assert np.all(np.isfinite(gradient_of_features(NST("a", "a"), teacher, zeros)))

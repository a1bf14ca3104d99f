"""Knowledge review against NumPy in float64."""

import numpy as np
import pytest
from method_tools import convolved, losses, normal, outputs

from distill.methods import ReviewKD
from distill.methods.reviewkd import hierarchical_loss


@pytest.mark.parametrize(("size", "levels"), [(1, ()), (2, (1,)), (4, (2, 1)), (8, (4, 2, 1))])
def test_the_loss_at_every_level(size, levels):
    teacher, student = normal(3, size, size, 5), normal(3, size, size, 5, seed=1)
    difference = teacher.astype("float64") - student
    wanted, weight, total = np.mean(difference**2, axis=(1, 2, 3)), 1.0, 1.0
    for level in levels:
        weight, total = weight / 2, total + weight / 2
        side = size // level
        parts = difference.reshape(3, level, side, level, side, 5).mean((2, 4))
        wanted = wanted + weight * np.mean(parts**2, axis=(1, 2, 3))
    np.testing.assert_allclose(hierarchical_loss(teacher, student), wanted / total, rtol=1e-5)


def test_two_stages_against_numpy():
    teacher, student = outputs((8, 8, 6), (4, 4, 7)), outputs((8, 8, 3), (2, 2, 5), seed=1)
    method = ReviewKD(("a", "b"), ("a", "b"), weight=3.0)
    method(teacher, student)
    method.mixers[0].bias.assign([0.3, -0.2])
    got = losses(method, teacher, student)["reviewkd"]

    def run(layers, maps):
        return convolved(maps, layers[0].get_weights()[0]) / np.sqrt(1.001)

    def larger(maps, times):
        return maps.repeat(times, axis=1).repeat(times, axis=2)

    last = run(method.entries[1], student.features[1])
    wanted = np.asarray(
        hierarchical_loss(teacher.features[1], run(method.exits[1], larger(last, 2)))
    )
    first, review = run(method.entries[0], student.features[0]), larger(last, 4)
    kernel, bias = method.mixers[0].get_weights()
    share = 1 / (1 + np.exp(-(np.concatenate([first, review], axis=-1) @ kernel + bias)))
    mixed = first * share[..., :1] + review * share[..., 1:]
    wanted = wanted + np.asarray(
        hierarchical_loss(teacher.features[0], run(method.exits[0], mixed))
    )
    np.testing.assert_allclose(got, 3 * wanted, rtol=1e-4)

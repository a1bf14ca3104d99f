"""Attention transfer against NumPy in float64."""

import numpy as np
import pytest
from method_tools import gradient_of_features, losses, outputs

from distill.errors import UserError
from distill.methods import AT


def by_numpy(teacher, student):
    maps = []
    for features in (teacher, student):
        squares = np.sum(features.astype("float64") ** 2, axis=-1).reshape(len(features), -1)
        maps.append(squares / np.linalg.norm(squares, axis=-1, keepdims=True))
    return np.mean((maps[0] - maps[1]) ** 2, axis=-1)


def test_equals_float64_formula_over_pairs_of_layers():
    teacher, student = outputs((8, 8, 6), (4, 4, 9)), outputs((8, 8, 3), (4, 4, 2), seed=1)
    got = losses(AT(("a", "b"), ("a", "b"), weight=10.0), teacher, student)
    wanted = sum(by_numpy(*pair) for pair in zip(teacher.features, student.features, strict=True))
    np.testing.assert_allclose(got["at"], 10 * wanted, rtol=1e-5)


def test_the_larger_map_is_averaged():
    teacher, student = outputs((8, 8, 6)), outputs((4, 4, 3), seed=1)
    small = teacher.features[0].reshape(-1, 4, 2, 4, 2, 6).mean((2, 4))
    got = losses(AT("a", "a", weight=1.0), teacher, student)
    np.testing.assert_allclose(got["at"], by_numpy(small, student.features[0]), rtol=1e-5)
    odd = outputs((5, 5, 3), seed=2)
    assert losses(AT("a", "a"), teacher, odd)["at"].shape == (4,)


def test_a_scale_changes_nothing_and_zeros_have_finite_gradients():
    teacher = outputs((4, 4, 6))
    scaled = teacher._replace(features=(3 * teacher.features[0],))
    np.testing.assert_allclose(losses(AT("a", "a"), teacher, scaled)["at"], 0, atol=1e-6)
    zeros = teacher._replace(features=(0 * teacher.features[0],))
    assert np.all(np.isfinite(gradient_of_features(AT("a", "a"), teacher, zeros)))


def test_rows_are_no_maps():
    with pytest.raises(UserError, match=r"compares feature maps .* student has shape \(4, 5\)"):
        AT("a", "a")(outputs((4, 4, 3)), outputs((5,)))

"""Similarity-preserving distillation against NumPy in float64."""

import numpy as np
from method_tools import gradient_of_features, losses, outputs

from distill.methods import SP


def by_numpy(teacher, student):
    matrices = []
    for features in (teacher, student):
        rows = features.astype("float64").reshape(len(features), -1)
        matrices.append(rows @ rows.T)
        matrices[-1] /= np.linalg.norm(matrices[-1], axis=1, keepdims=True)
    return np.mean((matrices[0] - matrices[1]) ** 2, axis=1)


def test_equals_float64_formula_over_pairs_of_layers():
    teacher, student = outputs((4, 4, 6), (5,)), outputs((2, 3, 3), (7,), seed=1)
    got = losses(SP(("a", "b"), ("a", "b"), weight=10.0), teacher, student)
    wanted = sum(by_numpy(*pair) for pair in zip(teacher.features, student.features, strict=True))
    np.testing.assert_allclose(got["sp"], 10 * wanted, rtol=1e-4)


def test_a_scale_changes_nothing_and_zeros_have_finite_gradients():
    teacher = outputs((6,))
    scaled = teacher._replace(features=(3 * teacher.features[0],))
    np.testing.assert_allclose(losses(SP("a", "a"), teacher, scaled)["sp"], 0, atol=1e-6)
    zeros = teacher._replace(features=(0 * teacher.features[0],))
    assert np.all(np.isfinite(gradient_of_features(SP("a", "a"), teacher, zeros)))

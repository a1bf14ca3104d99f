"""Probabilistic knowledge transfer against scikit-learn's cosine similarity and NumPy."""

import numpy as np
from method_tools import gradient_of_features, losses, outputs
from sklearn.metrics.pairwise import cosine_similarity

from distill.methods import PKT


def by_numpy(teacher, student):
    kernels = [
        (cosine_similarity(x.reshape(len(x), -1).astype("float64")) + 1) / 2
        for x in (teacher, student)
    ]
    p, q = (kernel / kernel.sum(1, keepdims=True) for kernel in kernels)
    return np.mean(p * np.log((p + 1e-7) / (q + 1e-7)), axis=1)


def test_equals_float64_formula_over_pairs_of_layers():
    teacher, student = outputs((4, 4, 6), (5,)), outputs((2, 3, 3), (7,), seed=1)
    got = losses(PKT(("a", "b"), ("a", "b"), weight=100.0), teacher, student)
    wanted = sum(by_numpy(*pair) for pair in zip(teacher.features, student.features, strict=True))
    np.testing.assert_allclose(got["pkt"], 100 * wanted, rtol=1e-3, atol=1e-5)


def test_a_scale_changes_nothing_and_zeros_have_finite_gradients():
    teacher = outputs((6,))
    scaled = teacher._replace(features=(3 * teacher.features[0],))
    np.testing.assert_allclose(losses(PKT(weight=1.0), teacher, scaled)["pkt"], 0, atol=1e-6)
    zeros = teacher._replace(features=(0 * teacher.features[0],))
    assert np.all(np.isfinite(gradient_of_features(PKT(), teacher, zeros)))

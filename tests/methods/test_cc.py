"""Correlation congruence against NumPy in float64, and the Gaussian kernel that it approaches."""

import numpy as np
import pytest
from method_tools import gradient_of_features, losses, outputs
from sklearn.metrics.pairwise import rbf_kernel

from distill.errors import UserError
from distill.methods import CC
from distill.methods.cc import taylor_kernel


def units(features):
    rows = features.reshape(len(features), -1).astype("float64")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def kernel(features):
    """The series of second order, term by term."""
    products = units(features) @ units(features).T
    return np.exp(-0.8) * (1 + 0.8 * products + 0.32 * products**2)


def test_equals_float64_formula_over_pairs_of_layers():
    teacher, student = outputs((4, 4, 6), (5,)), outputs((2, 3, 3), (7,), seed=1)
    got = losses(CC(("a", "b"), ("a", "b"), weight=10.0), teacher, student)
    pairs = zip(teacher.features, student.features, strict=True)
    wanted = sum(np.mean((kernel(t) - kernel(s)) ** 2, axis=1) for t, s in pairs)
    np.testing.assert_allclose(got["cc"], 10 * wanted, rtol=1e-4)


def test_a_long_series_is_the_gaussian_kernel():
    features = outputs((6,)).features[0]
    got = taylor_kernel(features, gamma=0.7, order=25)
    np.testing.assert_allclose(got, rbf_kernel(units(features), gamma=0.7), rtol=1e-5)


def test_zeros_have_finite_gradients():
    teacher = outputs((6,))
    zeros = teacher._replace(features=(0 * teacher.features[0],))
    assert np.all(np.isfinite(gradient_of_features(CC(), teacher, zeros)))


def test_wrong_options():
    for options in ({"gamma": 0}, {"order": 0}, {"order": 1.5}):
        with pytest.raises(UserError, match=f"{next(iter(options))} is"):
            CC(**options)

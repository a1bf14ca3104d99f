"""Variational information distillation against NumPy and SciPy in float64."""

import numpy as np
from method_tools import losses, normal, outputs
from scipy.stats import norm

from distill.methods import VID


def test_is_the_negative_log_density_of_the_teachers_features():
    teacher, student = outputs((4, 4, 6), (2, 2, 5)), outputs((4, 4, 3), (4, 4, 2), seed=1)
    method = VID(("a", "b"), ("a", "b"), weight=10.0)
    method(teacher, student)
    method.set_weights([normal(*each.shape, seed=9) for each in method.get_weights()])
    got = losses(method, teacher, student)["vid"]
    small = student.features[1].reshape(4, 2, 2, 2, 2, 2).mean((2, 4))
    wanted = 0.0
    for number, (t, s) in enumerate(
        ((teacher.features[0], student.features[0]), (teacher.features[1], small))
    ):
        kernels = [layer.kernel.numpy().astype("float64") for layer in method.means[number]]
        mean = np.maximum(np.maximum(s @ kernels[0], 0) @ kernels[1], 0) @ kernels[2]
        raw = method.raw_variances[number].numpy().astype("float64")
        deviation = np.sqrt(np.log1p(np.exp(raw)) + 1e-5)
        density = norm.logpdf(t.astype("float64"), mean, deviation) + 0.5 * np.log(2 * np.pi)
        wanted -= np.mean(density, axis=(1, 2, 3))
    np.testing.assert_allclose(got, 10 * wanted, rtol=1e-5)


def test_the_first_variance_is_five():
    teacher = outputs((4, 4, 6))
    method = VID("a", "a")
    method(teacher, teacher)
    np.testing.assert_allclose(np.log1p(np.exp(method.raw_variances[0])) + 1e-5, 5, rtol=1e-6)

"""Every soft loss against NumPy in float64, written from the formula, and its gradient's size."""

import keras
import numpy as np
import pytest
from keras import ops
from method_tools import gradient_at, needs_float64
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from distill.methods import hard_label, kd, mse_logits, mse_probabilities

SHAPES = [(1, 2), (7, 3), (64, 10), (5, 1000)]
TEMPERATURES = [0.5, 1.0, 2.0, 4.0, 20.0, 100.0]
METHODS = [kd, mse_logits, mse_probabilities]


def expected(method, teacher, student, temperature):
    """The three formulas, one example at a time, in float64."""
    losses = []
    for t, s in zip(teacher.astype("float64"), student.astype("float64"), strict=True):
        if method is mse_logits:
            losses.append(np.sum((t - s) ** 2) / len(t))
            continue
        if method is kd:
            # Σ p log(p/q) in the extended precision that logarithms of ±2e4 need.
            t, s = (logits.astype("longdouble") / temperature for logits in (t, s))
            log_p = t - t.max() - np.log(np.sum(np.exp(t - t.max())))
            log_q = s - s.max() - np.log(np.sum(np.exp(s - s.max())))
            losses.append(temperature**2 * float(np.sum(np.exp(log_p) * (log_p - log_q))))
            continue
        p, q = softmax(t / temperature), softmax(s / temperature)
        losses.append(temperature**2 * np.sum((p - q) ** 2) / len(t))
    return np.array(losses)


def logits(shape, scale, seed, dtype="float32"):
    values = np.random.default_rng(seed).normal(scale=scale, size=shape)
    return ops.cast(np.clip(values, -1e4, 1e4), dtype)


def in_float64(values):
    """An array; bfloat16, which NumPy lacks, goes by float32."""
    return ops.convert_to_numpy(ops.cast(values, "float32")).astype("float64")


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_equals_float64_formula(method, shape, temperature):
    for seed, scale in enumerate((0.1, 3.0, 30.0)):
        teacher, student = logits(shape, scale, seed), logits(shape, scale, seed + 100)
        got = ops.convert_to_numpy(method(teacher, student, temperature))
        wanted = expected(method, in_float64(teacher), in_float64(student), temperature)
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("method", METHODS)
def test_extreme_logits_in_every_precision(method, dtype, temperature):
    teacher, student = logits((64, 10), 1e4, 1, dtype), logits((64, 10), 1e4, 2, dtype)
    assert np.max(np.abs(in_float64(teacher))) > 9e3
    losses = method(teacher, student, temperature)
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"
    gradient = gradient_at(lambda x: ops.sum(method(teacher, x, temperature)), student)
    assert np.all(np.isfinite(gradient.astype("float32")))
    wanted = expected(method, in_float64(teacher), in_float64(student), temperature)
    np.testing.assert_allclose(ops.convert_to_numpy(losses), wanted, rtol=1e-5, atol=1e-4)


def test_kd_to_a_millionth_at_temperature_4():
    teacher, student = logits((64, 10), 5.0, 3), logits((64, 10), 5.0, 4)
    p, q = (softmax(in_float64(x) / 4, axis=-1) for x in (teacher, student))
    wanted = 16 * entropy(p, q, axis=-1)
    found = ops.convert_to_numpy(kd(teacher, student, 4.0))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(np.mean(found), np.mean(wanted), rtol=1e-6)


def test_kd_by_hand():
    # p = (3/4, 1/4), q = (1/2, 1/2): KL = 3/4 log(3/2) + 1/4 log(1/2) = 0.130812…
    teacher, student = ops.array([[np.log(3.0), 0.0]], "float32"), ops.zeros((1, 2))
    assert float(kd(teacher, student, 1.0)[0]) == pytest.approx(0.13081203594113694, rel=1e-6)
    assert float(kd(2 * teacher, student, 2.0)[0]) == pytest.approx(4 * 0.130812035941, rel=1e-6)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_kd_ignores_a_shift_and_is_never_negative(temperature):
    teacher = logits((64, 10), 5.0, 5)
    shifted = ops.convert_to_numpy(kd(teacher, teacher + 100.0, temperature))
    assert np.all(shifted >= 0)
    np.testing.assert_allclose(shifted, 0.0, atol=1e-6)
    # Logits below zero throughout, which a divergence on raw logits would clip away.
    other = ops.flip(teacher, 0)
    below = ops.convert_to_numpy(kd(teacher - 50.0, other - 50.0, temperature))
    np.testing.assert_allclose(below, kd(teacher, other, temperature), rtol=2e-4)
    assert np.all(below >= 0)


def test_kd_keeps_its_precision_where_the_plain_sum_loses_it():
    teacher = logits((64, 1000), 3.0, 6)
    student = teacher + logits((64, 1000), 0.1, 7)
    wanted = np.mean(expected(kd, in_float64(teacher), in_float64(student), 100.0))
    log_p, log_q = ops.log_softmax(teacher / 100), ops.log_softmax(student / 100)
    plain = 1e4 * float(ops.mean(ops.sum(ops.exp(log_p) * (log_p - log_q), -1)))
    assert abs(plain / wanted - 1) > 0.01
    assert float(ops.mean(kd(teacher, student, 100.0))) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_kd_gradient_is_temperature_times_difference(temperature):
    teacher, student = logits((8, 10), 3.0, 8), logits((8, 10), 3.0, 9)
    gradient = gradient_at(lambda x: ops.sum(kd(teacher, x, temperature)), student)
    p, q = (softmax(in_float64(x) / temperature, -1) for x in (teacher, student))
    np.testing.assert_allclose(gradient, temperature * (q - p), rtol=1e-3, atol=2e-6)


@needs_float64
@pytest.mark.parametrize("method", METHODS)
def test_gradient_against_finite_differences(method):
    teacher, student = (
        ops.convert_to_numpy(logits((4, 5), 2.0, seed, "float64")) for seed in (10, 11)
    )
    gradient = gradient_at(lambda x: ops.sum(method(teacher, x, 3.0)), student)
    for row, column in np.ndindex(4, 5):
        step = np.zeros((4, 5))
        step[row, column] = 1e-6
        up, down = (
            np.sum(expected(method, teacher, student + sign * step, 3.0)) for sign in (1, -1)
        )
        assert gradient[row, column] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("method", [kd, mse_probabilities])
def test_gradient_keeps_its_size_as_temperature_grows(method):
    """The T² property: without the factor the gradient at T=100 would be 25 times smaller."""
    teacher, student = logits((64, 10), 1.0, 12), logits((64, 10), 1.0, 13)

    def norm(temperature):
        gradient = gradient_at(lambda x: ops.sum(method(teacher, x, temperature)), student)
        return np.linalg.norm(gradient)

    assert norm(100.0) == pytest.approx(norm(20.0), rel=0.02)


def test_kd_at_high_temperature_is_half_the_square_of_centred_logits():
    teacher, student = logits((64, 10), 1.0, 14), logits((64, 10), 1.0, 15)
    centred = [x - ops.mean(x, -1, keepdims=True) for x in (teacher, student)]
    np.testing.assert_allclose(kd(teacher, student, 1000.0), 0.5 * mse_logits(*centred), rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("scale", [3.0, 1e4])
def test_hard_label_is_cross_entropy_with_the_teachers_class(scale, dtype):
    teacher, student = logits((64, 10), scale, 1, dtype), logits((64, 10), scale, 2, dtype)
    best = in_float64(teacher).argmax(-1)
    wanted = -log_softmax(in_float64(student), -1)[np.arange(64), best]
    losses = ops.convert_to_numpy(hard_label(teacher, student))
    np.testing.assert_allclose(losses, wanted, rtol=1e-4, atol=1e-5)
    # d/ds of -log softmax(s)[c] is softmax(s) - onehot(c), and nothing else of the teacher counts.
    gradient = softmax(in_float64(student), axis=-1) - np.eye(10)[best]
    found = gradient_at(lambda x: ops.sum(hard_label(teacher, x)), student).astype("float64")
    np.testing.assert_allclose(found, gradient, atol=2e-3 if dtype == "float16" else 1e-5)
    np.testing.assert_array_equal(hard_label(teacher * 0.5, student, 7.0), losses)

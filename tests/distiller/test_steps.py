"""One training step: the update of plain gradient descent, worked out by hand; traced once."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

from distill import Distiller
from distill.distiller.steps import without_nan

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
LOGITS = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")


@pytest.fixture
def student():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def test_a_step_follows_the_gradient_of_the_soft_loss(student):
    """d/ds of T² KL(p ‖ q) is T (q − p); the loss is its mean over the batch."""
    kernel, bias = (value.astype("float64") for value in student.get_weights())
    distiller = Distiller(student=student, alpha=0.0, temperature=2.0)
    distiller.compile(keras.optimizers.SGD(0.1))
    distiller.fit(X, {"teacher_logits": LOGITS}, batch_size=6, epochs=1, verbose=0, shuffle=False)
    p, q = softmax(LOGITS / 2, axis=1), softmax((X @ kernel + bias) / 2, axis=1)
    gradient = 2 * (q - p) / len(X)
    np.testing.assert_allclose(student.get_weights()[0], kernel - 0.1 * X.T @ gradient, rtol=1e-5)
    np.testing.assert_allclose(
        student.get_weights()[1], bias - 0.1 * gradient.sum(axis=0), rtol=1e-4, atol=1e-7
    )


def test_evaluation_takes_no_step(student):
    before = student.get_weights()
    distiller = Distiller(student=student, alpha=0.0)
    distiller.compile(keras.optimizers.SGD(0.1))
    distiller.evaluate(X, {"teacher_logits": LOGITS}, verbose=0)
    for one, other in zip(before, student.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["kd", "fitnet", "kd + mse_logits + fitnet"])
def test_steps_are_traced_once(method):
    models = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]) for _ in range(2)]
    distiller = Distiller(teacher=models[0], student=models[1], method=method)
    distiller.compile("adam")
    traces = []
    for name in ("train_step", "test_step"):
        step = getattr(distiller, name)
        watched = lambda *given, name=name, step=step: traces.append(name) or step(*given)  # noqa: E731
        setattr(distiller, name, watched)
    labels = np.arange(6) % 3
    distiller.fit(X, labels, validation_data=(X, labels), epochs=2, verbose=0)
    assert traces == ["train_step", "test_step"]


def test_settings_read_and_set_after_each_batch_are_true(student):
    distiller = Distiller(student=student, alpha=0.0)
    distiller.compile(keras.optimizers.SGD(0.1))
    seen = []

    def end_batch(batch, logs):
        seen.append((distiller.alpha, distiller.temperature))
        distiller.temperature = batch + 1.0

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=end_batch)
    labels = {"labels": np.zeros(6), "teacher_logits": LOGITS}
    distiller.fit(X, labels, batch_size=2, verbose=0, callbacks=[callback])
    assert seen == [(0.0, 4.0), (0.0, 1.0), (0.0, 2.0)]
    assert distiller.temperature == 3.0


def test_inputs_that_are_not_finite_become_zeros():
    numbers, whole = np.array([[1.0, 2.0]]), np.array([[3]])
    inputs, is_finite = without_nan({"a": numbers, "b": whole})
    assert is_finite
    np.testing.assert_array_equal(inputs["a"], numbers)
    inputs, is_finite = without_nan({"a": np.array([[1.0, np.nan]]), "b": whole})
    assert not is_finite
    np.testing.assert_array_equal(inputs["a"], [[0, 0]])
    np.testing.assert_array_equal(inputs["b"], whole)

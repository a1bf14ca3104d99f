"""`fit` and `evaluate` with their checks: callbacks are kept, the teacher is compared."""

import keras
import numpy as np
import pytest

from distill import Distiller
from distill.errors import UserError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3


@pytest.fixture
def distiller():
    models = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]) for _ in range(2)]
    made = Distiller(teacher=models[0], student=models[1])
    made.compile("sgd", run_eagerly=True)
    return made


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: [each], lambda each: (each,)])
def test_callbacks_of_every_form_are_called(distiller, wrap):
    epochs = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    distiller.fit(X, Y, epochs=2, verbose=0, callbacks=wrap(watch))
    assert epochs == [0, 1]


def test_a_callback_that_changes_the_teacher_is_found(distiller):
    def change(epoch, logs):
        distiller.teacher.layers[0].bias.assign([1.0, 2.0, 3.0])

    watch = keras.callbacks.LambdaCallback(on_epoch_end=change)
    with pytest.raises(UserError, match=r"weights of the teacher .* changed during training"):
        distiller.fit(X, Y, verbose=0, callbacks=[watch])


def test_probabilities_are_refused_in_evaluation_too(distiller):
    rows = np.full((8, 3), 1 / 3, "float32")
    with pytest.raises(UserError, match="'teacher_logits' are probabilities"):
        distiller.evaluate(X, {"labels": Y, "teacher_logits": rows}, verbose=0)


@pytest.mark.parametrize("call", ["train_on_batch", "test_on_batch"])
def test_single_batches_are_refused_too(distiller, call):
    before = distiller.student.get_weights()
    rows = np.full((8, 3), 1 / 3, "float32")
    for _ in range(2):
        with pytest.raises(UserError, match="'teacher_logits' are probabilities"):
            getattr(distiller, call)(X, {"labels": Y, "teacher_logits": rows})
    for old, new in zip(before, distiller.student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    stored = {"labels": Y, "teacher_logits": 5 * np.eye(3)[Y] - 1}
    assert np.all(np.isfinite(getattr(distiller, call)(X, stored)))
    bad = np.full_like(X, np.nan)  # without a mistake to name, Keras' own result
    assert np.isnan(getattr(distiller, call)(bad, stored)[0])

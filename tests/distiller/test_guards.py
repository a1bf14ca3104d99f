"""Mistakes that only values show: found on the first batches, without false alarms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from method_tools import not_on_torch

from distill.distiller import Distiller
from distill.errors import UserError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 5)).astype("float32")
Y = RNG.integers(0, 4, 32)


class HiddenSoftmax(layers.Layer):
    def call(self, x):
        x = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return x / ops.sum(x, axis=-1, keepdims=True)


def network(*more):
    return keras.Sequential([keras.Input((5,)), layers.Dense(4), *more])


def distiller(teacher=None, student=None, **options):
    """Eager, unless options say otherwise: tracing a step takes a second."""
    model = Distiller(teacher=teacher or network(), student=student or network(), name="d")
    model.compile("adam", **options or {"run_eagerly": True})
    return model


def refused(model, message, x=X, y=Y, **options):
    """Both `fit` and `evaluate` refuse the first batch, and the student stays as it was."""
    before = model.student.get_weights()
    for call in (model.fit, model.evaluate):
        with pytest.raises(UserError, match=message) as caught:
            call(x, y, verbose=0, **options)
        assert str(caught.value).endswith(".")
        assert "Exception encountered" not in str(caught.value)
    for old, new in zip(before, model.student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("ending", [HiddenSoftmax, layers.Softmax])
def test_softmax_before_the_last_layer(role, ending):
    network_ = network(ending(), layers.Reshape((4,)))
    refused(distiller(**{role: network_}), f"The {role} 'sequential.*' returns probabilities")


@not_on_torch
@pytest.mark.parametrize(("jit", "together"), [(False, 1), (False, 2), (True, 2)])
def test_compiled_and_several_steps_together(jit, together):
    model = distiller(network(HiddenSoftmax()), jit_compile=jit, steps_per_execution=together)
    refused(model, "The teacher 'sequential.*' returns probabilities", batch_size=8)


def test_generators_and_replicas(replicas):
    def batches():
        for _ in range(4):
            yield X, Y

    alone = distiller(network(HiddenSoftmax()))
    with pytest.raises(UserError, match="returns probabilities"):
        alone.fit(batches(), verbose=0, shuffle=False)
    with replicas.scope():
        model = distiller(network(HiddenSoftmax()), jit_compile=False)
    with pytest.raises(UserError, match="returns probabilities"):
        model.fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(16), verbose=0, shuffle=False)


def test_validation_data():
    model = distiller()
    stored = {"labels": Y, "teacher_logits": np.full((32, 4), 0.25)}
    with pytest.raises(UserError, match="'teacher_logits' are probabilities"):
        model.fit(X, Y, validation_data=(X, stored), verbose=0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = distiller(network(layers.Softmax(), layers.Reshape((4,))))
    assert model.teacher.compute_dtype == policy.removeprefix("mixed_")
    refused(model, "The teacher 'sequential.*' returns probabilities")


def test_small_batches_are_judged_together():
    with pytest.raises(UserError, match="returns probabilities"):
        distiller(network(HiddenSoftmax())).fit(X, Y, batch_size=1, verbose=0)


def test_stored_targets_of_the_other_kind():
    logits, probabilities = RNG.normal(size=(32, 4)), np.full((32, 4), 0.25)
    model = distiller()
    refused(
        model,
        "'teacher_logits' are probabilities",
        y={"labels": Y, "teacher_logits": probabilities},
    )
    refused(
        model,
        "'teacher_probabilities' have rows that are negative or do not sum to 1",
        y={"labels": Y, "teacher_probabilities": logits},
    )
    for labels in (
        {"labels": Y, "teacher_logits": logits},
        {"labels": Y, "teacher_probabilities": probabilities},
    ):
        model.fit(X, labels, verbose=0)


def test_multi_hot_labels():
    one_hot = np.eye(4, dtype="float32")[Y]
    for row in ([1, 1, 0, 0], [0, 0, 0, 0]):
        labels = one_hot.copy()
        labels[9] = row
        refused(distiller(), "The labels have rows that do not sum to 1", y=labels)
    soft = 0.9 * one_hot + 0.025
    for labels in (one_hot, soft, Y[:, None]):
        history = distiller().fit(X, labels, verbose=0).history
        assert np.isfinite(history["loss"][0])


class Fixed(layers.Layer):
    """Returns given logits, one row for each example of `X`, plus a little of the inputs."""

    def __init__(self, rows):
        super().__init__()
        self.rows = ops.convert_to_tensor(rows, "float32")

    def call(self, x):
        return ops.take(self.rows, ops.cast(x[:, 0], "int32"), axis=0)


@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_some_logits_that_sum_to_one_are_no_mistake(batch_size):
    """The first three examples look like probabilities; the fourth does not."""
    rows = np.full((32, 4), 0.25)
    rows[3::4] = [3, -1, 0.5, 2]
    teacher = keras.Sequential([keras.Input((5,)), Fixed(rows)])
    numbered = np.concatenate([np.arange(32)[:, None], X[:, 1:]], axis=-1).astype("float32")
    model = distiller(teacher)
    model.fit(numbered, Y, batch_size=batch_size, shuffle=False, epochs=2, verbose=0)
    model.evaluate(numbered, Y, batch_size=batch_size, verbose=0)


def test_the_guard_is_neither_logged_nor_saved():
    model = distiller()
    history = model.fit(X, Y, verbose=0).history
    assert set(history) == {"loss", "hard_loss", "soft_loss"}
    assert not any("guard" in variable.path for variable in model.variables)

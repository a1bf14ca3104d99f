"""What fit can do: precision, replicas, several steps at once, bad data, callbacks."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from method_tools import not_on_torch
from small_distillers import X, Y, cross_entropy, distiller, in_float64, kl, network

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import Batch, Outputs


@not_on_torch
@pytest.mark.parametrize("jit", [False, True])
def test_settings_change_without_a_retrace(jit):
    # JAX has no graphs: what it does not compile by jit, it traces in each step.
    model = distiller(compiled=True, jit=jit or keras.backend.backend() == "jax")
    traces = []
    step = model.train_step
    model.train_step = lambda *given: traces.append(1) or step(*given)
    model.fit(X, Y, batch_size=96, verbose=0)
    traced = len(traces)
    seen = []

    class Warm(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.temperature = 1.0 + epoch
            self.model.alpha = 0.25 * epoch
            seen.append((self.model.temperature, self.model.alpha))

    model.fit(X, Y, epochs=4, batch_size=96, verbose=0, callbacks=[Warm()])
    assert seen == [(1.0, 0.0), (2.0, 0.25), (3.0, 0.5), (4.0, 0.75)]
    assert len(traces) == traced
    teacher, student = in_float64(model.teacher), in_float64(model.student)
    got = model.evaluate(X, Y, batch_size=96, verbose=0, return_dict=True)
    assert got["soft_loss"] == pytest.approx(kl(teacher, student, 4.0).mean(), rel=1e-4)
    parts = 0.75 * cross_entropy(student).mean() + 0.25 * kl(teacher, student, 4.0).mean()
    assert got["loss"] == pytest.approx(parts, rel=1e-4)


def test_class_weight_validation_callbacks_and_steps_per_execution():
    model = distiller()
    model.compile("adam", steps_per_execution=3, metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e9)
    class_weight = {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}
    options = {"batch_size": 16, "epochs": 5, "verbose": 0, "validation_data": (X, Y)}
    history = model.fit(X, Y, class_weight=class_weight, callbacks=[stop], **options).history
    assert len(history["loss"]) == 2
    assert set(history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in ("accuracy", "hard_loss", "loss", "soft_loss")
    }
    weights = (Y != 0).astype("float64")
    model = distiller(optimizer=keras.optimizers.SGD(0.0))
    got = model.fit(X, Y, batch_size=96, class_weight={0: 0, 1: 1, 2: 1, 3: 1}, verbose=0).history
    # BatchNormalization of the batch itself, as in training.
    student = np.asarray(model.student(X, training=True), "float64")
    assert got["hard_loss"][0] == pytest.approx(np.mean(weights * cross_entropy(student)), rel=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("jit", [False, True])
def test_half_precision_student_of_a_float32_teacher(policy, jit):
    teacher = network(16)
    keras.config.set_dtype_policy(policy)
    model = distiller(teacher=teacher, student=network(), compiled=True, jit=jit)
    assert model.student.compute_dtype == policy.removeprefix("mixed_")
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    before = teacher.get_weights()
    first = model.evaluate(X, Y, verbose=0, return_dict=True)
    losses = model.compute_losses(
        model.teacher_outputs(X), Outputs(model(X)), Batch(Y, temperature=4.0)
    )
    assert {keras.backend.standardize_dtype(loss.dtype) for loss in losses.values()} == {"float32"}
    model.fit(X, Y, epochs=5, verbose=0)
    last = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert last["loss"] < first["loss"]
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_student_without_trainable_weights():
    student = network()
    student.trainable = False
    with pytest.raises(UserError, match="has no trainable weights"):
        distiller(student=student).fit(X, Y, verbose=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_inputs_stop_training_and_name_the_step(bad):
    inputs = X.copy()
    inputs[40] = bad
    model = distiller(compiled=np.isnan(bad))
    before = model.evaluate(X, Y, verbose=0, return_dict=True)
    model.fit(X, Y, batch_size=16, epochs=5, verbose=0)
    learned = model.evaluate(X, Y, verbose=0, return_dict=True)
    with pytest.raises(UserError, match="step 3 of epoch 1"):
        model.fit(inputs, Y, batch_size=16, shuffle=False, epochs=2, verbose=0)
    # What was learned is still there.
    after = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert after["loss"] < (before["loss"] + learned["loss"]) / 2


@pytest.mark.parametrize("bad", [np.nan, 4.0])
def test_bad_labels_stop_training_and_name_the_step(bad):
    labels = Y.astype("float32")
    labels[20] = bad
    with pytest.raises(UserError, match=r"step 2 of epoch 1.*labels beyond the classes"):
        distiller().fit(X, labels, batch_size=16, shuffle=False, verbose=0)


def test_bad_inputs_among_steps_executed_together():
    inputs = X.copy()
    inputs[70] = np.nan
    model = distiller()
    model.compile("adam", steps_per_execution=3)
    with pytest.raises(UserError, match="one of the steps 4 to 6 of epoch 1"):
        model.fit(inputs, Y, batch_size=16, shuffle=False, epochs=1, verbose=0)


def test_a_list_of_callbacks_as_keras_makes_it():
    model, epochs = distiller(), []
    counts = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    callbacks = keras.callbacks.CallbackList([counts], add_history=True)
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    assert epochs == [0, 1]
    assert len(history.history["loss"]) == 2
    model.evaluate(X, Y, verbose=0, callbacks=keras.callbacks.CallbackList([counts]))
    bad = np.full_like(X, np.nan)
    with pytest.raises(UserError, match="The loss became nan at step 1 of epoch 1"):
        model.fit(bad, Y, verbose=0, callbacks=keras.callbacks.CallbackList([counts]))


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_errors_within_a_pass_are_one_sentence(call):
    class Probabilities(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = layers.Dense(4, activation="softmax")

        def call(self, x):
            return self.dense(x)

    model = distiller(student=Probabilities(), compiled=True)
    with pytest.raises(UserError) as caught:
        getattr(model, call)(*((X,) if call == "predict" else (X, Y)), verbose=0)
    assert re.fullmatch(r"The student 'own' returns probabilities.*\.", str(caught.value))


def test_alpha_raised_after_the_step_was_traced_without_labels():
    model = Distiller(teacher=network(16), student=network(), alpha=0.0)
    model.compile("adam")
    data = tf.data.Dataset.from_tensor_slices(X).batch(32).map(lambda x: (x,))

    class Raise(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.alpha = 0.5 * epoch

    with pytest.raises(UserError, match=r"alpha is 0.5 and there are no labels"):
        model.fit(data, epochs=2, verbose=0, shuffle=False, callbacks=[Raise()])

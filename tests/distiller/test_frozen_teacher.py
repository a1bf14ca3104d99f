"""The teacher stays as it was; evaluation changes nothing; softmax is cut off."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from method_tools import not_on_torch
from small_distillers import X, Y, distiller, network

from distill.distiller import Distiller
from distill.errors import UserError


@pytest.mark.parametrize("trainable", [True, False])
def test_teacher_stays_as_it_was(trainable):
    teacher = network(16, dropout=0.5, kernel_regularizer="l2")
    teacher.trainable = trainable
    flags = [variable.trainable for variable in teacher.variables]
    before = teacher.get_weights()
    model = distiller(teacher=teacher)
    model.trainable = False
    model.trainable = True
    model.compile("adam", metrics=["accuracy"], run_eagerly=True)
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
    model.evaluate(X, Y, verbose=0)
    for first, second in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert teacher.trainable is trainable
    assert [variable.trainable for variable in teacher.variables] == flags
    of_student = {id(variable) for variable in model.student.trainable_variables}
    assert {id(variable) for variable in model.trainable_variables} == of_student


def test_a_teacher_that_insists_on_training_mode_is_not_changed():
    class Insisting(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization, self.dense = layers.BatchNormalization(), layers.Dense(4)

        def call(self, x):
            return self.dense(self.normalization(x, training=True))

    teacher = Insisting()
    teacher(X)
    before = [np.copy(value) for value in teacher.get_weights()]
    model = distiller(teacher=teacher, compiled=True)
    model.fit(X, Y, epochs=1, verbose=0)
    model.evaluate(X, Y, verbose=0)
    for first, second in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_evaluate_and_predict_change_nothing():
    model = distiller(compiled=True)
    model.fit(X, Y, epochs=1, verbose=0)
    before = [np.copy(value) for value in model.get_weights()]
    model.evaluate(X, Y, verbose=0)
    logits = model.predict(X, verbose=0)
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(logits, model.student(X, training=False), rtol=1e-5, atol=1e-6)


def test_one_student_pass_and_one_teacher_pass_a_step():
    calls = []

    class Counting(keras.Model):
        def __init__(self, name):
            super().__init__(name=name)
            self.dense = layers.Dense(4)

        def call(self, x, training=None):
            calls.append((self.name, training))
            return self.dense(x)

    model = Distiller(teacher=Counting("teacher"), student=Counting("student"))
    model.compile("sgd", run_eagerly=True)
    model.build((None, 6))
    model.train_on_batch(X, Y)
    calls.clear()
    model.train_on_batch(X, Y)
    assert calls == [("teacher", False), ("student", True)]


def test_student_saves_as_an_ordinary_model(tmp_path):
    model = distiller()
    model.fit(X, Y, epochs=1, verbose=0)
    model.student.save(tmp_path / "student.keras")
    archive = keras.saving.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(archive(X), model.student(X))
    assert "distill" not in json.dumps(archive.get_config())


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_models_that_end_in_softmax_give_their_logits(role):
    plain = network(16)
    with_softmax = keras.Sequential([*plain.layers, layers.Softmax()])
    other = network(8)
    roles = {"teacher": other, "student": other}
    got = [
        distiller(**{**roles, role: model}).evaluate(X, Y, verbose=0, return_dict=True)
        for model in (plain, with_softmax)
    ]
    for name in got[0]:
        assert got[0][name] == pytest.approx(got[1][name], rel=1e-5)


def test_softmax_student_is_trained_and_keeps_its_softmax():
    student = keras.Sequential([*network().layers, layers.Softmax()])
    model = distiller(student=student, alpha=1.0)
    first = model.evaluate(X, Y, verbose=0, return_dict=True)["hard_loss"]
    model.fit(X, Y, batch_size=96, epochs=10, verbose=0)
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["hard_loss"] < first
    np.testing.assert_allclose(keras.ops.sum(model.student(X), -1), 1.0, rtol=1e-5)


def test_subclassed_model_that_ends_in_softmax_is_refused():
    class Probabilities(keras.Model):
        def __init__(self):
            super().__init__(name="probabilities")
            self.dense = layers.Dense(4, activation="softmax")

        def call(self, x):
            return self.dense(x)

    with pytest.raises(UserError, match="'probabilities' returns probabilities"):
        distiller(teacher=Probabilities()).fit(X, Y, verbose=0)


def test_teacher_and_student_may_not_be_the_same():
    model = network()
    with pytest.raises(UserError, match="share weights"):
        Distiller(teacher=model, student=model)


def test_a_student_that_insists_on_training_mode_is_not_changed_by_evaluate():
    class Insisting(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization, self.dense = layers.BatchNormalization(), layers.Dense(4)

        def call(self, x):
            return self.dense(self.normalization(x, training=True))

    student = Insisting()
    student(X)
    model = distiller(student=student, compiled=True)
    before = model.get_weights()
    model.evaluate(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_models_that_share_a_layer_which_is_not_built():
    shared = layers.Dense(4)
    teacher, student = (keras.Sequential([layers.Dense(units), shared]) for units in (8, 8))
    model = distiller(teacher=teacher, student=student, compiled=True)
    with pytest.raises(UserError, match=r"^Teacher and student share weights, so training"):
        model.fit(X, Y, verbose=0)


def test_a_teacher_that_changes_is_found():
    model = distiller()

    class Meddle(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.teacher.layers[0].kernel
            kernel.assign(kernel + 1e-6)

    with pytest.raises(UserError, match=r"weights of the teacher 'sequential.*' changed during"):
        model.fit(X, Y, verbose=0, callbacks=[Meddle()])


@not_on_torch
def test_export_is_the_students(tmp_path):
    model = distiller()
    model.export(tmp_path / "student", verbose=False)
    served = tf.saved_model.load(tmp_path / "student")
    np.testing.assert_allclose(
        served.serve(X), model.student(X, training=False), rtol=1e-5, atol=1e-6
    )

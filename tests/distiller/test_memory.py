"""Methods with state: a memory bank of the training examples."""

import keras
import numpy as np
import pytest
from method_tools import not_on_torch
from small_distillers import X, Y, in_float64, network

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import Method


class Memory(Method):
    """A bank that remembers each example's teacher logits, and pulls the student towards them."""

    def build(self, teacher, student):
        shape = self.examples, teacher.logits[-1]
        self.bank = self.add_weight(shape, "zeros", trainable=False, name="bank")

    def call(self, teacher, student, batch):
        remembered = keras.ops.take(self.bank, batch.index, axis=0)
        loss = keras.ops.mean((remembered - student.logits) ** 2, axis=-1)
        if batch.training:
            rows = keras.ops.expand_dims(batch.index, -1)
            self.bank.assign(keras.ops.scatter_update(self.bank, rows, teacher.logits))
        return {"memory": loss}


class LeakyMemory(Memory):
    """Assigns in evaluation too, which the distiller undoes."""

    def call(self, teacher, student, batch):
        return super().call(teacher, student, batch._replace(training=True))


@pytest.mark.parametrize("kind", [Memory, LeakyMemory])
@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=not_on_torch)])
def test_a_memory_bank_changes_in_training_only(kind, jit):
    model = Distiller(teacher=network(16), student=network(), method=kind(), examples=96)
    model.compile("adam", jit_compile=jit)
    labels = {"labels": Y, "index": np.arange(96)[::-1]}
    model.evaluate(X, labels, verbose=0)
    np.testing.assert_array_equal(model.method.bank, np.zeros((96, 4)))
    model.fit(X[:64], {name: each[:64] for name, each in labels.items()}, verbose=0)
    wanted = np.zeros((96, 4))
    wanted[labels["index"][:64]] = in_float64(model.teacher, X[:64])
    np.testing.assert_allclose(model.method.bank, wanted, rtol=1e-4, atol=1e-5)
    losses = model.evaluate(X, labels, verbose=0, return_dict=True)
    soft = np.mean((wanted[labels["index"]] - in_float64(model.student)) ** 2)
    assert losses["soft_loss"] == pytest.approx(soft, rel=1e-4)
    assert "memory" not in losses  # a single part is the soft loss


def test_memory_is_saved_and_loaded(tmp_path):
    keras.saving.register_keras_serializable(package="distill_tests")(Memory)
    model = Distiller(teacher=network(16), student=network(), method=Memory(), examples=96)
    model.compile("adam", run_eagerly=True)
    labels = {"labels": Y, "index": np.arange(96)}
    model.fit(X, labels, verbose=0)
    model.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert again.examples == 96
    np.testing.assert_array_equal(again.method.bank, model.method.bank)
    assert again.evaluate(X, labels, verbose=0) == model.evaluate(X, labels, verbose=0)


@pytest.mark.parametrize("examples", [0, 2.5, True, "96"])
def test_wrong_number_of_examples(examples):
    with pytest.raises(UserError, match=r"examples is .*, and must be the number of training"):
        Distiller(teacher=network(16), student=network(), examples=examples)

"""The best epoch: the first of the best, and the same after a kill."""

import dataclasses

import keras
import numpy as np
import pytest

from distill import callbacks
from distill.callbacks import BestEpoch
from distill.recipes import RECIPES
from distill.training import train_student

RECIPE = dataclasses.replace(RECIPES["digits"], epochs=4, schedule="constant")


def test_the_first_of_equal_epochs_is_held():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    best = BestEpoch(model)
    for epoch, accuracy in enumerate((0.5, 0.8, 0.7, 0.8)):
        model.set_weights([np.array([[float(epoch + 1)]])])
        best.on_epoch_end(epoch, {"val_accuracy": accuracy})
    assert (best.epoch, best.accuracy) == (2, 0.8)
    assert best.weights[0] == [[2.0]]


class Forget(keras.callbacks.Callback):
    """Tears down in the third epoch what was learned in two."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            for weight in self.model.trainable_variables:
                weight.assign(keras.ops.zeros_like(weight))
            self.model.optimizer.learning_rate.assign(0.0)


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt


def test_the_best_epoch_before_a_kill_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SECONDS", 0.0)
    unharmed = train_student(RECIPE, tmp_path / "unharmed", callbacks=[Forget()])
    with pytest.raises(KeyboardInterrupt):
        train_student(RECIPE, tmp_path, callbacks=[Forget(), Kill()])
    run = train_student(RECIPE, tmp_path, callbacks=[Forget()])
    assert run.metrics["best"]["epoch"] == unharmed.metrics["best"]["epoch"] == 2
    assert run.metrics["best"]["test"] == unharmed.metrics["best"]["test"]
    assert run.metrics["best"]["test"]["accuracy"] > run.metrics["last"]["test"]["accuracy"]
    for first, second in zip(
        run.load_model("best").get_weights(), unharmed.load_model("best").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(first, second)

"""Keras callbacks of a training: stop when the loss is lost, keep a checkpoint, resume from it."""

import math
import time
from pathlib import Path

import keras
import numpy as np

from distill.errors import UserError
from distill.run_folder import read_history, replacing

CHECKPOINT_SECONDS = 30.0
_CHECKPOINTS = "checkpoint-*.npz"


class StopOnNaN(keras.callbacks.Callback):
    """Stops training with a `UserError` at the step whose loss is NaN or infinite."""

    async_safe = True  # read in Keras' callback thread: no wait for the accelerator at each step

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            steps, together = f"step {batch + 1}", self.model.steps_per_execution
            if together > 1:
                steps = f"one of the steps {max(batch + 2 - together, 1)} to {batch + 1}"
            raise UserError(
                f"The loss became {loss} at {steps} of epoch {self._epoch}, and training was "
                "stopped: look for NaN or infinity in the inputs, for labels beyond the classes, "
                "or lower the learning rate."
            )


class EpochTensorBoard(keras.callbacks.TensorBoard):
    """Keras' callback without its work after each batch, which takes time and writes nothing."""

    def on_train_batch_end(self, batch, logs=None):
        pass


class EpochSeconds(keras.callbacks.Callback):
    """Adds each epoch's wall-clock time to the log, as `seconds`."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["seconds"] = time.monotonic() - self._began


class BestEpoch(keras.callbacks.Callback):
    """Holds the weights of the epoch with the highest validation accuracy, the first of equals.

    Args:
        trained: the model whose weights are held: a distiller's student, or the model itself.

    Attributes:
        epoch: that epoch's number, from 1; 0 before the first.
        accuracy: its validation accuracy.
        weights: its weights, as `get_weights` gives them.
    """

    def __init__(self, trained: keras.Model):
        super().__init__()
        self._trained = trained
        self.epoch, self.accuracy, self.weights = 0, -math.inf, trained.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        accuracy = (logs or {}).get("val_accuracy", -math.inf)
        if accuracy > self.accuracy:
            self.epoch, self.accuracy = epoch + 1, accuracy
            self.weights = self._trained.get_weights()

    def restore(self, weights: list[np.ndarray], accuracies: list[float]) -> None:
        """Takes up where a killed training stood: its best weights, its accuracies so far."""
        self.weights = weights
        self.epoch = 1 + int(np.argmax(accuracies))
        self.accuracy = accuracies[self.epoch - 1]


class Checkpoint(keras.callbacks.Callback):
    """Keeps all state of the last epoch, half a minute apart at least, and the best epoch's.

    One file, renamed into place, whose name tells the epoch: a kill at any moment leaves a whole
    one. `keras.callbacks.BackupAndRestore` writes two files in place, after every epoch, and
    leaves out the state of dropout's random numbers.
    """

    def __init__(self, folder: Path, best: BestEpoch):
        super().__init__()
        self._folder, self._best = folder, best
        self._saved = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self._saved < CHECKPOINT_SECONDS:
            return
        path = self._folder / f"checkpoint-{epoch + 1:06d}.npz"
        with replacing(path) as temporary:
            best = {f"best_{number}": value for number, value in enumerate(self._best.weights)}
            np.savez(temporary, *[variable.numpy() for variable in _state(self.model)], **best)
        for older in self._folder.glob(_CHECKPOINTS):
            if older != path:
                older.unlink()
        self._saved = time.monotonic()


def _state(model):
    return [*model.variables, *model.optimizer.variables]


def resume(model: keras.Model, folder: Path, best: BestEpoch) -> int:
    """Loads the newest checkpoint and shortens the history to it.

    Args:
        model: built and compiled as it was when the checkpoint was made, its optimizer built.
        folder: the run's folder.
        best: given back what it held.

    Returns:
        The number of epochs that are done, 0 where there is no checkpoint.
    """
    checkpoints = sorted(folder.glob(_CHECKPOINTS))
    if not checkpoints:
        return 0
    with np.load(checkpoints[-1], allow_pickle=False) as values:
        for number, variable in enumerate(_state(model)):
            variable.assign(values[f"arr_{number}"])
        weights = [values[f"best_{number}"] for number in range(len(best.weights))]
    epoch = int(checkpoints[-1].stem.removeprefix("checkpoint-"))
    log = folder / "history.csv"
    lines = log.read_text("utf-8").splitlines(keepends=True)[: epoch + 1]
    with replacing(log) as temporary:
        temporary.write_text("".join(lines), "utf-8")
    best.restore(weights, read_history(log)["val_accuracy"])
    return epoch


def remove_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a run that is complete."""
    for checkpoint in folder.glob(_CHECKPOINTS):
        checkpoint.unlink()

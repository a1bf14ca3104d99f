"""Keras callbacks of a run: the best epoch, checkpoints to resume from, what is logged."""

import math
import time
from pathlib import Path

import keras
import numpy as np

from distill.files import read_arrays, read_history, replacing, write_text

CHECKPOINT_SECONDS = 30.0
_CHECKPOINTS = "checkpoint-*.npz"


class EpochTensorBoard(keras.callbacks.TensorBoard):
    """Keras' callback without its work after each batch, which takes time and writes nothing."""

    def on_train_batch_end(self, batch, logs=None):
        pass


class EpochSeconds(keras.callbacks.Callback):
    """Adds the wall-clock time of each epoch to the logs, as `seconds`."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["seconds"] = time.monotonic() - self._began


class BestEpoch(keras.callbacks.Callback):
    """Holds the weights of the epoch with the best validation accuracy, the first of equals.

    The weights are those of `trained`: a distiller's student, or the model itself. Epochs are
    counted from 1; `epoch` is 0 before the first one ends.
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


class Checkpoint(keras.callbacks.Callback):
    """Saves all state after an epoch, at most twice a minute, and the best epoch's weights.

    It writes one file and renames it into place. The name tells the epoch, so a kill at any moment
    leaves a whole checkpoint. `keras.callbacks.BackupAndRestore` writes two files in place after
    every epoch, and does not save the state of dropout's random numbers.
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
    """Loads the newest checkpoint and cuts the history to it; returns the number of epochs.

    The model is compiled as it was when the checkpoint was saved, and its optimizer is built.
    """
    checkpoints = sorted(folder.glob(_CHECKPOINTS))
    if not checkpoints:
        return 0
    values = read_arrays(checkpoints[-1])
    for number, variable in enumerate(_state(model)):
        variable.assign(values[f"arr_{number}"])
    epoch = int(checkpoints[-1].stem.removeprefix("checkpoint-"))
    log = folder / "history.csv"
    lines = log.read_text("utf-8").splitlines(keepends=True)[: epoch + 1]
    write_text(log, "".join(lines))
    accuracies = read_history(log)["val_accuracy"]
    best.epoch, best.accuracy = 1 + int(np.argmax(accuracies)), max(accuracies)
    best.weights = [values[f"best_{number}"] for number in range(len(best.weights))]
    return epoch


def remove_traces(folder: Path) -> None:
    """Removes what an interrupted or failed training left beside a run that is now complete."""
    for trace in (*folder.glob(_CHECKPOINTS), folder / "failure.txt"):
        trace.unlink(missing_ok=True)

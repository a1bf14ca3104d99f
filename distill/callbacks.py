"""Keras callbacks of a training: stop when the loss is lost, keep a checkpoint, resume from it."""

import math
import time
from pathlib import Path

import keras
import numpy as np

from distill.errors import UserError
from distill.run_folder import replacing

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


class Checkpoint(keras.callbacks.Callback):
    """Keeps all state of the last epoch, half a minute apart at least.

    One file, renamed into place, whose name tells the epoch: a kill at any moment leaves a whole
    one. `keras.callbacks.BackupAndRestore` writes two files in place, after every epoch, and
    leaves out the state of dropout's random numbers.
    """

    def __init__(self, folder):
        super().__init__()
        self._folder = folder
        self._saved = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self._saved < CHECKPOINT_SECONDS:
            return
        path = self._folder / f"checkpoint-{epoch + 1:06d}.npz"
        with replacing(path) as temporary:
            np.savez(temporary, *[variable.numpy() for variable in _state(self.model)])
        for older in self._folder.glob(_CHECKPOINTS):
            if older != path:
                older.unlink()
        self._saved = time.monotonic()


def _state(model):
    return [*model.variables, *model.optimizer.variables]


def resume(model: keras.Model, folder: Path) -> int:
    """Loads the newest checkpoint and shortens the history to it.

    Args:
        model: built and compiled as it was when the checkpoint was made.
        folder: the run's folder.

    Returns:
        The number of epochs that are done, 0 where there is no checkpoint.
    """
    model.optimizer.build(model.trainable_variables)
    checkpoints = sorted(folder.glob(_CHECKPOINTS))
    if not checkpoints:
        return 0
    with np.load(checkpoints[-1], allow_pickle=False) as values:
        for number, variable in enumerate(_state(model)):
            variable.assign(values[f"arr_{number}"])
    epoch = int(checkpoints[-1].stem.removeprefix("checkpoint-"))
    log = folder / "history.csv"
    lines = log.read_text("utf-8").splitlines(keepends=True)[: epoch + 1]
    with replacing(log) as temporary:
        temporary.write_text("".join(lines), "utf-8")
    return epoch


def remove_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a run that is complete."""
    for checkpoint in folder.glob(_CHECKPOINTS):
        checkpoint.unlink()

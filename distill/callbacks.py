"""Keras callbacks: `StopOnNaN` ends a training whose loss is lost, `Schedule` changes settings."""

import math
from collections.abc import Callable

import keras

from distill.errors import UserError


class LossNotFinite(UserError):
    """The loss became NaN or infinite."""


class StopOnNaN(keras.callbacks.Callback):
    """Stops training with a `LossNotFinite` at the step whose loss is NaN or infinite."""

    async_safe = True  # read in Keras' callback threads, so that no step waits for the accelerator

    def on_epoch_begin(self, epoch, logs=None):
        # Not in the other threads, where on JAX `self.model` would interfere with the next step.
        self._epoch, self._together = epoch + 1, self.model.steps_per_execution
        self._first = math.inf, 0.0

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            # The next step, in another thread, may get here before Keras stops for this one.
            batch, loss = self._first = min(self._first, (batch, loss))
            steps, together = f"step {batch + 1}", self._together
            if together > 1:
                last = min(batch + 1, self.params["steps"] or math.inf)  # of a shorter last call
                steps = f"one of the steps {max(batch + 2 - together, 1)} to {last}"
            raise LossNotFinite(
                f"The loss became {loss} at {steps} of epoch {self._epoch}, and training was "
                "stopped: look for NaN or infinity in the inputs, for labels beyond the classes, "
                "or lower the learning rate."
            )


class Schedule(keras.callbacks.Callback):
    """Sets a distiller's `alpha` and `temperature` at the start of each epoch.

    Args:
        alpha: function of the epoch, counted from 0, that returns the weight of the hard loss, 0 to
            1. `None`: alpha stays as it is.
        temperature: the same for the temperature, a positive number.

    Raises:
        UserError: a function returned a value out of range.

    Examples:
        >>> from distill import Distiller
        >>> teacher, student = (
        ...     keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]) for _ in range(2)
        ... )
        >>> distiller = Distiller(teacher=teacher, student=student)
        >>> distiller.compile("sgd")
        >>> cooling = Schedule(temperature=lambda epoch: 8.0 / 2**epoch)
        >>> data = keras.ops.ones((4, 2)), keras.ops.zeros(4, "int32")
        >>> history = distiller.fit(*data, epochs=3, callbacks=[cooling], verbose=0)
        >>> distiller.temperature
        2.0
    """

    def __init__(
        self,
        alpha: Callable[[int], float] | None = None,
        temperature: Callable[[int], float] | None = None,
    ):
        super().__init__()
        self._functions = {"alpha": alpha, "temperature": temperature}

    def on_epoch_begin(self, epoch, logs=None):
        for name, function in self._functions.items():
            if function is not None:
                setattr(self.model, name, function(epoch))

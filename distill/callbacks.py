"""`StopOnNaN`: a Keras callback that ends a training whose loss is lost."""

import math

import keras

from distill.errors import UserError


class StopOnNaN(keras.callbacks.Callback):
    """Stops training with a `UserError` at the step whose loss is NaN or infinite."""

    async_safe = True  # read in Keras' callback thread, so that no step waits for the accelerator

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            steps, together = f"step {batch + 1}", self.model.steps_per_execution
            if together > 1:
                last = min(batch + 1, self.params["steps"] or math.inf)  # of a shorter last call
                steps = f"one of the steps {max(batch + 2 - together, 1)} to {last}"
            raise UserError(
                f"The loss became {loss} at {steps} of epoch {self._epoch}, and training was "
                "stopped: look for NaN or infinity in the inputs, for labels beyond the classes, "
                "or lower the learning rate."
            )

"""`GuardedFit`: a Keras model that stops at a mistake with one sentence about it."""

import contextlib
import inspect
from typing import Any

import keras

from distill.callbacks import LossNotFinite, StopOnNaN
from distill.distiller.guards import LIKE, SENTENCES, UNLIKE, Guard
from distill.errors import UserError
from distill.models.pair import weights_hash


class GuardedFit:
    """A mixin for `Distiller`, whose steps make the loss NaN when a guard finds a mistake."""

    @property
    def guards(self: Any) -> dict[bool, Guard]:
        """What was seen in training (`True`) and in evaluation (`False`)."""
        return self._untracked.guards

    def describe_mistake(self: Any, kind: str) -> str:
        """Returns a sentence about a kind of mistake, a key of `SENTENCES`."""
        teacher = "" if self.teacher is None else self.teacher.name
        values = {"teacher": teacher, "student": self.student.name, "alpha": self.alpha}
        several = self.method.multi_label
        values |= {"method": self.method.name, "like": LIKE[several], "unlike": UNLIKE[several]}
        values["activation"] = self.method.final_activation
        return SENTENCES[kind].format(**values)

    def raise_mistake(self, training):
        """Raises a `UserError` if the guard of training or evaluation found a mistake."""
        self._sync()
        kind = self.guards[training].mistake()
        if kind is not None:
            self.guards[training].reset_state()
            raise UserError(self.describe_mistake(kind))

    def fit(self, *args, **kwargs):
        """Like `keras.Model.fit`, with checks.

        Raises:
            UserError: the loss became NaN or infinite, the models or the data are not what they
                must be, or the teacher's weights changed.
        """
        arguments = inspect.signature(super().fit).bind_partial(*args, **kwargs).arguments
        arguments["callbacks"] = _with_stop_on_nan(arguments.get("callbacks"))
        before = weights_hash(self.teacher)
        self.guards[True].reset_state()
        try:
            with self._traced_again_after_errors():
                history = super().fit(**arguments)
        except LossNotFinite:
            self.raise_mistake(training=True)
            raise
        if before is not None and weights_hash(self.teacher) != before:
            raise UserError(
                f"The weights of the teacher {self.teacher.name!r} changed during training; look "
                "for a callback that assigns to them, and load the teacher again."
            )
        return history

    def evaluate(self, *args, **kwargs):
        """Like `keras.Model.evaluate`, with the checks of `fit`; changes no state."""
        self.guards[False].reset_state()
        with self._traced_again_after_errors():
            losses = super().evaluate(*args, **kwargs)
        self.raise_mistake(training=False)
        return losses

    def train_on_batch(self, *args, **kwargs):
        """Like `keras.Model.train_on_batch`; raises a `UserError` at a mistake, as `fit` does."""
        with self._traced_again_after_errors():
            logs = super().train_on_batch(*args, **kwargs)
        self.raise_mistake(training=True)
        return logs

    def test_on_batch(self, *args, **kwargs):
        """Like `keras.Model.test_on_batch`; raises a `UserError` at a mistake, as `fit` does."""
        with self._traced_again_after_errors():
            logs = super().test_on_batch(*args, **kwargs)
        self.raise_mistake(training=False)
        return logs

    @contextlib.contextmanager
    def _traced_again_after_errors(self):
        """Forgets steps whose tracing was interrupted; TensorFlow refuses to finish them."""
        try:
            yield
        except Exception:
            self._sync()
            self.train_function = self.test_function = None
            raise


def _with_stop_on_nan(callbacks):
    """Returns callbacks as Keras takes them, with a `StopOnNaN` among them."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return [*keras.tree.flatten(callbacks or []), StopOnNaN()]

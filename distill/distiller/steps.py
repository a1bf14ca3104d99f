"""`Steps`: what a training step and an evaluation step of `Distiller` do on every backend.

The files `tensorflow_steps.py`, `jax_steps.py` and `torch_steps.py` add how the backend takes a
gradient, and nothing else.
"""

import functools
import math

import keras
from keras import ops

from distill.distiller.targets import unpack
from distill.errors import UserError


class PartMean(keras.metrics.Mean):
    """The mean of a part of the soft loss, named when the part is known."""

    name = "part"


class Steps:
    """A mixin for `Distiller`: one student pass and at most one teacher pass in a step."""

    # How many replicas share a batch.
    _replicas = 1

    def test_step(self, data):
        x, targets, sample_weight = self._unpack(data)
        teacher = self.teacher_side(x, targets)
        with unchanged(self):
            student = self(x, training=False, features=True)
            batch = self._batch(targets, False)
            losses = self.compute_losses(teacher, student, batch, sample_weight)
        self._mark_mistakes(losses, targets, teacher, student, training=False)
        return self._log(losses, x, targets.labels, student.logits, sample_weight)

    def _training_losses(self, x, targets, sample_weight, teacher, is_finite):
        """Returns the losses of a batch and the student's logits, in training mode."""
        student = self(x, training=True, features=True)
        batch = self._batch(targets, True)
        losses = self.compute_losses(teacher, student, batch, sample_weight)
        self._mark_mistakes(losses, targets, teacher, student, True, is_finite)
        return losses, student.logits

    def _mark_mistakes(self, losses, targets, teacher, student, training, is_finite=True):
        """Makes the loss NaN if the inputs are not finite, or if a guard knows of a mistake."""
        batch = self._alpha, targets, student.logits, teacher.logits, self.method.multi_label
        is_sound = ops.logical_and(is_finite, self.guards[training].update_state(*batch))
        losses["loss"] = ops.where(is_sound, losses["loss"], math.nan)

    def _unpack(self, data):
        return unpack(data)

    def _trained_variables(self):
        variables = self.trainable_variables
        if not variables:
            raise UserError(
                f"The student {self.student.name!r} has no trainable weights; set "
                "student.trainable = True."
            )
        return variables

    def _new_mean(self):
        """Returns a metric for a part that becomes known while a step is traced."""
        return PartMean()

    def _sync(self):
        """Writes to the variables what the steps changed; a backend may do so only when asked."""


def unchanged(model):
    """Returns a scope in which a model runs but none of its variables changes."""
    # Regularisers, and JAX in training, find only variables that the scope was given.
    values = [(variable, variable.value) for variable in model.variables]
    return keras.StatelessScope(values, collect_losses=True)


def without_nan(inputs):
    """Returns inputs, zeros in place of those that are not finite, and whether all were finite.

    A batch with NaN then gets a loss of NaN, which ends the training, and has no gradient, so that
    the student keeps what it learned before.
    """
    floats = [values for values in keras.tree.flatten(inputs) if _is_float(values)]
    finite = [ops.all(ops.isfinite(values)) for values in floats]
    is_finite = functools.reduce(ops.logical_and, finite, ops.convert_to_tensor(True))

    def zeros_unless_finite(values):
        if not _is_float(values):
            return values
        return ops.where(is_finite, values, ops.zeros_like(values))

    return keras.tree.map_structure(zeros_unless_finite, inputs), is_finite


def _is_float(values):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype))

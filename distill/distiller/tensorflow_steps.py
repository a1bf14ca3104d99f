"""`TensorFlowSteps`: the training step of `Distiller` on TensorFlow, and nothing else of it.

Another backend needs another file like this one: `compute_losses` and the methods use `keras.ops`.
"""

import math

import keras
import tensorflow as tf
from keras import ops

from distill.distiller.targets import unpack
from distill.errors import UserError


class PartMean(keras.metrics.Mean):
    """The mean of a part of the soft loss, named when the part is known."""

    name = "part"


class TensorFlowSteps:
    """A mixin for `Distiller`: one student pass and at most one teacher pass in a step."""

    def make_train_function(self, force=False):
        # TensorFlow traces a step again if its first trace creates variables.
        if self.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def train_step(self, data):
        x, targets, sample_weight = self._unpack(data)
        # A batch with NaN is replaced by zeros and gets a loss of NaN. The loss ends the training
        # and has no gradient, so what the student learned before is kept.
        is_sound = _all_finite(x)
        x = keras.tree.map_structure(lambda values: _zeros_unless(is_sound, values), x)
        teacher = self.teacher_side(x, targets)
        with tf.GradientTape() as tape:
            student = self(x, training=True, features=True)
            losses = self.compute_losses(
                teacher, student, self._batch(targets, True), sample_weight
            )
            is_sound &= self._is_sound(True, targets, student, teacher)
            losses["loss"] = ops.where(is_sound, losses["loss"], math.nan)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        self._apply_gradients_of(scaled_loss, tape)
        return self._log(losses, x, targets.labels, student.logits, sample_weight)

    def test_step(self, data):
        x, targets, sample_weight = self._unpack(data)
        teacher = self.teacher_side(x, targets)
        # The scope catches all updates. Regularisers find only variables that it was given.
        state = [
            (variable, variable.value)
            for model in (self.student, self.method)
            for variable in model.variables
        ]
        with keras.StatelessScope(state_mapping=state):
            student = self(x, training=False, features=True)
            losses = self.compute_losses(
                teacher, student, self._batch(targets, False), sample_weight
            )
        is_sound = self._is_sound(False, targets, student, teacher)
        losses["loss"] = ops.where(is_sound, losses["loss"], math.nan)
        return self._log(losses, x, targets.labels, student.logits, sample_weight)

    def _unpack(self, data):
        x, targets, sample_weight = unpack(data)
        if targets.labels is None:
            # The guard sees this as well, and sees an alpha that changes later.
            with tf.init_scope():
                if self.alpha > 0:
                    raise UserError(self.describe_mistake("no_labels"))
        return x, targets, sample_weight

    @property
    def _replicas(self):
        return self.distribute_strategy.num_replicas_in_sync

    def _apply_gradients_of(self, loss, tape):
        variables = self.trainable_variables
        if not variables:
            raise UserError(
                f"The student {self.student.name!r} has no trainable weights; set "
                "student.trainable = True."
            )
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def _new_mean(self):
        """Returns a metric that can be created while a step is traced."""
        with tf.init_scope():
            return PartMean()


def _all_finite(inputs):
    floats = [x for x in keras.tree.flatten(inputs) if _is_float(x)]
    return ops.all([ops.all(ops.isfinite(x)) for x in floats] or True)


def _zeros_unless(condition, values):
    return ops.where(condition, values, ops.zeros_like(values)) if _is_float(values) else values


def _is_float(values):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype))

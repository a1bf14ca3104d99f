"""`TensorFlowSteps`: the training step of `Distiller` on TensorFlow."""

import tensorflow as tf

from distill.distiller.steps import Steps, without_nan
from distill.errors import UserError


class TensorFlowSteps(Steps):
    """A mixin for `Distiller`: gradients from a tape, and replicas."""

    def make_train_function(self, force=False):
        # TensorFlow traces a step again if its first trace creates variables.
        if self.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def train_step(self, data):
        x, targets, sample_weight = self._unpack(data)
        x, is_finite = without_nan(x)
        teacher = self.teacher_side(x, targets)
        with tf.GradientTape() as tape:
            losses, logits = self._training_losses(x, targets, sample_weight, teacher, is_finite)
            loss = self.optimizer.scale_loss(losses["loss"])
        variables = self._trained_variables()
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self._log(losses, x, targets.labels, logits, sample_weight)

    def _unpack(self, data):
        x, targets, sample_weight = super()._unpack(data)
        if targets.labels is None:
            # The guard sees this as well, and sees an alpha that changes later.
            with tf.init_scope():
                if self.alpha > 0:
                    raise UserError(self.describe_mistake("no_labels"))
        return x, targets, sample_weight

    @property
    def _replicas(self):
        return self.distribute_strategy.num_replicas_in_sync

    def _new_mean(self):
        with tf.init_scope():
            return super()._new_mean()


def value_and_gradients(function, variables):
    """Calls a function that returns a scalar and something else, both tensors.

    Returns what it returned, and the scalar's gradients with respect to some variables.
    """
    with tf.GradientTape() as tape:
        result = function()
    return result, tape.gradient(result[0], variables)

"""`TorchSteps`: the training step of `Distiller` on PyTorch."""

import torch

from distill.distiller.steps import Steps, without_nan


class TorchSteps(Steps):
    """A mixin for `Distiller`: gradients from `torch.autograd`."""

    def train_step(self, data):
        x, targets, sample_weight = self._unpack(data)
        x, is_finite = without_nan(x)
        with torch.no_grad():
            teacher = self.teacher_side(x, targets)
        losses, logits = self._training_losses(x, targets, sample_weight, teacher, is_finite)
        loss = self.optimizer.scale_loss(losses["loss"])
        variables = self._trained_variables()
        gradients = _gradients(loss, variables)
        with torch.no_grad():
            self.optimizer.apply(gradients, variables)
            return self._log(losses, x, targets.labels, logits, sample_weight)


def value_and_gradients(function, variables):
    """Calls a function that returns a scalar and something else, both tensors.

    Returns what it returned, and the scalar's gradients with respect to some variables.
    """
    result = function()
    return result, _gradients(result[0], variables)


def _gradients(loss, variables):
    return torch.autograd.grad(loss, [each.value for each in variables], allow_unused=True)

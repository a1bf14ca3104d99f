"""`curriculum`: any method, at a temperature that makes the student's task harder and harder."""

import math

import keras
from keras import ops

from distill.errors import check_number, check_whole
from distill.methods.method import Method
from distill.methods.wrapper import Wrapper


@keras.saving.register_keras_serializable(package="distill")
class CurriculumTemperature(Wrapper):
    """The method `"curriculum"`: another method whose temperature is learned against the student.

    `T = 1 + range · sigmoid(θ)` with one trainable number `θ`, which starts at 1. The optimizer
    lowers the loss with the student's weights and raises it with `θ`: the gradient of `θ` is
    multiplied by `−λ`. At training step `n`, `λ = (1 − cos(π · min(n / steps, 1))) / 2`, so the
    task is easy at first. The parts are those of the other method. The distiller's own temperature
    does nothing.

    Args:
        method: a method that softens logits, or its name.
        steps: number of training steps after which `λ` is 1, a whole number, 1 or more.
        range: largest temperature less one, above 0.
        **kwargs: as in `Method`.

    Raises:
        UserError: an unknown method, or a value out of range.

    Examples:
        >>> from distill.methods import Outputs
        >>> method = CurriculumTemperature(steps=100)
        >>> parts = method(Outputs([[4.0, 0.0]]), Outputs([[0.0, 0.0]]))
        >>> round(float(method.temperature()), 3)
        15.621

    Reference: Li et al. (2023), Curriculum Temperature for Knowledge Distillation (its global
    temperature), https://arxiv.org/abs/2211.16231, with `range` 20 and `steps` of 10 epochs.
    """

    def __init__(
        self, method: str | Method = "kd", steps: int = 1000, range: float = 20.0, **kwargs
    ):
        super().__init__(method, **kwargs)
        self.steps = check_whole("steps", steps)
        self.range = float(check_number("range", range, "a positive number", above=0))

    def build(self, teacher, student):
        super().build(teacher, student)
        self.theta = self.add_weight((), "ones", name="theta")
        self.step = self.add_weight((), "zeros", name="step", trainable=False)

    def temperature(self):
        """Returns the present temperature, a scalar tensor."""
        return 1.0 + self.range * ops.sigmoid(self.theta)

    def call(self, teacher, student, batch):
        progress = ops.minimum(self.step / self.steps, 1.0)
        weight = (1.0 - ops.cos(math.pi * progress)) / 2.0
        temperature = self.temperature()
        # Its value is the temperature, and its gradient `−weight` times the temperature's.
        fixed = ops.stop_gradient(temperature)
        reversed_ = fixed + weight * (fixed - temperature)
        if batch.training:
            self.step.assign(self.step + 1.0)
        return self.method(teacher, student, batch._replace(temperature=reversed_))

    def get_config(self):
        return {**super().get_config(), "steps": self.steps, "range": self.range}

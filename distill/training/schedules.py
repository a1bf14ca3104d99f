"""Learning-rate schedules by name."""

import keras
from keras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    LearningRateSchedule,
)

from distill.recipes.recipe import Training


@keras.saving.register_keras_serializable("distill")
class WarmUp(LearningRateSchedule):
    """Linear warm-up: in step s, counted from 0, the schedule times `min(1, (s + 1) / steps)`.

    Keras has a warm-up for its cosine schedule only.

    Examples:
        >>> [round(float(WarmUp(0.1, steps=4)(step)), 3) for step in range(5)]
        [0.025, 0.05, 0.075, 0.1, 0.1]
    """

    def __init__(self, schedule: float | LearningRateSchedule, steps: float):
        self.schedule, self.steps = schedule, steps

    def __call__(self, step):
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        done = (keras.ops.cast(step, "float32") + 1) / self.steps
        return rate * keras.ops.minimum(1.0, done)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["steps"])


def make_schedule(training: Training, steps: int) -> float | LearningRateSchedule:
    """Makes the schedule of a training whose epochs have so many steps.

    With `all` steps of the training and `period` steps of its `schedule_epochs`, the learning rate
    in step s, counted from 0, is:

    | name | learning rate |
    | --- | --- |
    | `constant` | rate |
    | `cosine` | rate · (floor + (1 − floor) · (1 + cos(π · s / all)) / 2) |
    | `step_decay` | rate · 0.5 to the power of ⌊s / period⌋ |
    | `warm_restarts` | cosine over the first `period`; each further period is twice as long |

    Source of the warm restarts: Loshchilov and Hutter (2017), SGDR, arXiv:1608.03983.

    Examples:
        >>> values = {"learning_rate": 1e-4, "schedule": "cosine", "schedule_floor": 0.1}
        >>> training = Training(**values, epochs=10)
        >>> schedule = make_schedule(training, steps=10)
        >>> [round(float(schedule(step)) * 1e4, 3) for step in (0, 50, 100)]
        [1.0, 0.55, 0.1]
    """
    rate, floor = training.learning_rate, training.schedule_floor
    period = steps * (training.schedule_epochs or 0)
    match training.schedule:
        case "cosine":
            rate = CosineDecay(rate, decay_steps=steps * training.epochs, alpha=floor)
        case "step_decay":
            rate = ExponentialDecay(rate, decay_steps=period, decay_rate=0.5, staircase=True)
        case "warm_restarts":
            rate = CosineDecayRestarts(rate, first_decay_steps=period, t_mul=2.0, alpha=floor)
    return WarmUp(rate, steps * training.warmup_epochs) if training.warmup_epochs else rate

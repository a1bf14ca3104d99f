"""Learning-rate schedules by name."""

import keras
from keras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    LearningRateSchedule,
)

from distill.errors import UserError
from distill.recipes.recipe import NEED_EPOCHS


def _constant(rate, steps, period, floor):
    return rate


def _cosine(rate, steps, period, floor):
    return CosineDecay(rate, decay_steps=steps, alpha=floor)


def _step_decay(rate, steps, period, floor):
    return ExponentialDecay(rate, decay_steps=period, decay_rate=0.5, staircase=True)


def _warm_restarts(rate, steps, period, floor):
    return CosineDecayRestarts(rate, first_decay_steps=period, t_mul=2.0, alpha=floor)


SCHEDULES = {
    "constant": _constant,
    "cosine": _cosine,
    "step_decay": _step_decay,
    "warm_restarts": _warm_restarts,
}


@keras.saving.register_keras_serializable("distill")
class WarmUp(LearningRateSchedule):
    """Linear warm-up: in step s, counted from 0, the schedule times `min(1, (s + 1) / steps)`.

    Keras has a warm-up for its cosine schedule only.

    Args:
        schedule: a rate, or a Keras schedule.
        steps: number of steps of the warm-up, above 0.

    Example:

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


def make_schedule(
    name: str,
    rate: float,
    steps: int,
    period: float | None = None,
    floor: float = 0.0,
    warmup: float = 0.0,
) -> float | LearningRateSchedule:
    """Makes a schedule: the learning rate of each step s, counted from 0.

    | name | learning rate |
    | --- | --- |
    | `constant` | rate |
    | `cosine` | rate · (floor + (1 − floor) · (1 + cos(π · s / steps)) / 2) |
    | `step_decay` | rate · 0.5 to the power of ⌊s / period⌋ |
    | `warm_restarts` | cosine over the first `period`; each further period is twice as long |

    Source of the warm restarts: Loshchilov and Hutter (2017), SGDR, arXiv:1608.03983.

    Args:
        name: a name in `SCHEDULES`.
        rate: learning rate at the start.
        steps: number of steps of the whole training.
        period: number of steps, for `step_decay` and `warm_restarts`.
        floor: lowest rate as a share of the first, from 0 to below 1.
        warmup: number of warm-up steps; 0 for none.

    Returns:
        A number, or a Keras schedule.

    Raises:
        UserError: there is no such schedule, or it needs a period and none is given.

    Example:

    >>> schedule = make_schedule("cosine", 1e-4, steps=100, floor=0.1)
    >>> [round(float(schedule(step)) * 1e4, 3) for step in (0, 50, 100)]
    [1.0, 0.55, 0.1]
    """
    if name not in SCHEDULES:
        raise UserError(f"Unknown schedule {name!r}; use one of {', '.join(SCHEDULES)}.")
    if name in NEED_EPOCHS and period is None:
        raise UserError(f"The schedule {name!r} needs a period; give a number of steps.")
    schedule = SCHEDULES[name](rate, steps, period, floor)
    return WarmUp(schedule, warmup) if warmup else schedule

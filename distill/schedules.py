"""Courses of the learning rate, by name."""

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


def _halving(rate, steps, period, floor):
    return ExponentialDecay(rate, decay_steps=period, decay_rate=0.5, staircase=True)


def _restarts(rate, steps, period, floor):
    return CosineDecayRestarts(rate, first_decay_steps=period, t_mul=2.0, alpha=floor)


SCHEDULES = {"constant": _constant, "cosine": _cosine, "halving": _halving, "restarts": _restarts}


@keras.saving.register_keras_serializable("distill")
class WarmUp(LearningRateSchedule):
    """A schedule that begins small: in step s, counted from 0, times `min(1, (s + 1) / steps)`.

    Keras warms up its cosine only.

    Args:
        schedule: a rate, or a schedule of Keras.
        steps: number of steps until the schedule holds as it is, above 0.

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
    """Makes the learning rate of each step s, counted from 0.

    | name | learning rate |
    | --- | --- |
    | `constant` | rate |
    | `cosine` | rate · (floor + (1 − floor) · (1 + cos(π · s / steps)) / 2) |
    | `halving` | rate · 0.5 to the power of ⌊s / period⌋ |
    | `restarts` | as cosine, over a first `period`, then over periods of twice the length each |

    Restarts are those of SGDR (Loshchilov and Hutter 2017).

    Args:
        name: a name in `SCHEDULES`.
        rate: learning rate at the start.
        steps: steps of the whole training.
        period: steps, for `halving` and `restarts`.
        floor: share of the rate to which it falls, from 0 to below 1.
        warmup: steps over which the rate grows from 0 to the schedule's; 0 for none.

    Returns:
        A number, or a schedule of Keras.

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

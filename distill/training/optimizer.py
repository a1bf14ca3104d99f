"""The optimizer of a training, made from its settings."""

import inspect

import keras

from distill.errors import UserError
from distill.recipes.recipe import Training
from distill.training.schedules import make_schedule

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_optimizer(training: Training, steps: int) -> keras.optimizers.Optimizer:
    """Makes the optimizer with its learning-rate schedule.

    Args:
        training: the settings.
        steps: steps in an epoch.

    Raises:
        UserError: the optimizer has no such option, or the option cannot have this value.

    Example:

    >>> float(make_optimizer(Training(learning_rate=0.5), steps=10).learning_rate)
    0.5
    """
    kind, period = OPTIMIZERS[training.optimizer], training.schedule_epochs
    known = [name for name in inspect.signature(kind).parameters if name not in ("name", "kwargs")]
    for option, value in training.optimizer_options.items():
        if option not in known or option == "learning_rate":
            raise UserError(
                f"The optimizer {training.optimizer!r} has no option {option!r}; it has "
                f"{', '.join(name for name in known if name != 'learning_rate')}."
            )
        if not (value is None or isinstance(value, bool | int | float)):
            raise UserError(
                f"The option {option!r} of the optimizer {training.optimizer!r} is {value!r}, and "
                "must be a number."
            )
    rate = make_schedule(
        training.schedule,
        training.learning_rate,
        steps=steps * training.epochs,
        period=period and steps * period,
        floor=training.schedule_floor,
        warmup=steps * training.warmup_epochs,
    )
    try:
        return kind(rate, **training.optimizer_options)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"The optimizer {training.optimizer!r} refuses the options "
            f"{training.optimizer_options}: {reason}."
        ) from error

"""The optimizer of a training, made from its settings."""

import keras

from distill.errors import UserError
from distill.options import bind_options
from distill.recipes.recipe import Training
from distill.training.schedules import make_schedule

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_optimizer(training: Training, steps: int) -> keras.optimizers.Optimizer:
    """Makes the optimizer with its learning-rate schedule, for epochs of so many steps.

    Examples:
        >>> float(make_optimizer(Training(learning_rate=0.5), steps=10).learning_rate)
        0.5
    """
    kind, options = OPTIMIZERS[training.optimizer], training.optimizer_options
    bind_options(f"optimizer {training.optimizer!r}", kind, options, ("learning_rate", "name"))
    for option, value in options.items():
        if not (value is None or isinstance(value, bool | int | float)):
            raise UserError(
                f"The option {option!r} of the optimizer {training.optimizer!r} is {value!r}, and "
                "must be a number."
            )
    try:
        return kind(make_schedule(training, steps), **options)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"The optimizer {training.optimizer!r} refuses the options {options}: {reason}."
        ) from error

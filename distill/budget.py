"""How a model is trained: what a recipe says of one role, and its optimizer."""

import dataclasses

import keras

from distill.errors import UserError
from distill.recipes import Recipe

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """How a model is trained: what the recipe says of one role."""

    optimizer: str
    optimizer_options: dict
    learning_rate: float
    schedule: str
    epochs: int
    batch_size: int
    shift: int
    label_smoothing: float
    precision: str

    @classmethod
    def of(cls, recipe: Recipe, role: str) -> "Budget":
        values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(cls)}
        if role == "teacher":
            values["epochs"] = recipe.teacher_epochs or recipe.epochs
            values["learning_rate"] = recipe.teacher_learning_rate or recipe.learning_rate
            if recipe.teacher_shift is not None:
                values["shift"] = recipe.teacher_shift
            values["label_smoothing"] = 0.0
        return cls(**values)

    def make_optimizer(self, steps: int) -> keras.optimizers.Optimizer:
        """Makes the optimizer for a training of `steps` steps in all."""
        if self.optimizer not in OPTIMIZERS:
            raise UserError(
                f"Unknown optimizer {self.optimizer!r}; use one of {', '.join(OPTIMIZERS)}."
            )
        rate = self.learning_rate
        if self.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps)
        try:
            return OPTIMIZERS[self.optimizer](rate, **self.optimizer_options)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"The optimizer {self.optimizer!r} cannot be made with {self.optimizer_options}: "
                f"{str(error).splitlines()[0]}"
            ) from error

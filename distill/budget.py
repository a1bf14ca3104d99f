"""How a model is trained: what a recipe says of one role, and its optimizer."""

import dataclasses

import keras

from distill.errors import UserError
from distill.recipes import Recipe
from distill.recipes.recipe import HAVE_FLOOR, NEED_EPOCHS
from distill.schedules import make_schedule

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
    schedule_epochs: float | None
    floor: float
    warmup_epochs: float
    epochs: int
    batch_size: int
    shift: int
    augmentation: tuple[str, ...]
    label_smoothing: float
    precision: str

    @classmethod
    def of(cls, recipe: Recipe, role: str) -> "Budget":
        values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(cls)}
        if role == "teacher":
            for name in values:
                own = getattr(recipe, f"teacher_{name}", None)
                values[name] = values[name] if own is None else own
            values["label_smoothing"] = 0.0
        if role == "student" and recipe.labels_learning_rate is not None:
            values["learning_rate"] = recipe.labels_learning_rate
        # What the schedule does not use leaves a run the same run.
        if values["schedule"] not in NEED_EPOCHS:
            values["schedule_epochs"] = None
        if values["schedule"] not in HAVE_FLOOR:
            values["floor"] = 0.0
        return cls(**values)

    @property
    def augments(self) -> bool:
        """Whether training images are changed, anew in each step."""
        return self.shift > 0 or bool(self.augmentation)

    def make_optimizer(self, steps: int) -> keras.optimizers.Optimizer:
        """Makes the optimizer for epochs of `steps` steps."""
        if self.optimizer not in OPTIMIZERS:
            raise UserError(
                f"Unknown optimizer {self.optimizer!r}; use one of {', '.join(OPTIMIZERS)}."
            )
        rate = make_schedule(
            self.schedule,
            self.learning_rate,
            steps=steps * self.epochs,
            period=self.schedule_epochs and steps * self.schedule_epochs,
            floor=self.floor,
            warmup=steps * self.warmup_epochs,
        )
        try:
            return OPTIMIZERS[self.optimizer](rate, **self.optimizer_options)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"The optimizer {self.optimizer!r} cannot be made with {self.optimizer_options}: "
                f"{str(error).splitlines()[0]}"
            ) from error

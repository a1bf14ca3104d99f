"""`Recipe`: one reproducible experiment, all values written out. Its fields are the flags."""

import dataclasses
from typing import Annotated, Any

from distill.errors import UserError, check_number

SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
UNREADABLE = ("refuse", "skip")


Options = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One experiment: data, teacher, student, method and how they are trained.

    The teacher is trained with the student's settings wherever a `teacher_…` field is `None`. The
    text beside each field is the help of the flag of the same name.

    Raises:
        UserError: a value out of range. Names of data sets, models and methods are looked up when
            the recipe is run.

    Example:

    >>> Recipe(name="mine", dataset="mnist", temperature=2.0).alpha
    0.1
    >>> Recipe(temperature=0)
    Traceback (most recent call last):
    distill.errors.UserError: temperature is 0, and must be a positive number.
    """

    name: Annotated[str, "name, for the tables"] = "recipe"

    dataset: Annotated[
        str, "'digits', a TensorFlow Datasets name, or a folder with one subfolder per class"
    ] = "digits"
    image_size: Annotated[
        int | None, "resize images to this many pixels each way; None keeps them as they are"
    ] = None
    unreadable: Annotated[
        str, f"what to do with image files that cannot be read: {' or '.join(UNREADABLE)}"
    ] = "refuse"
    label_fraction: Annotated[
        float,
        "share of the training images whose labels the student may see, up to 1; the teacher sees "
        "all labels, and the distilled student its soft targets on the rest",
    ] = 1.0

    teacher: Annotated[str, "the teacher, a model's name"] = "cnn"
    teacher_options: Annotated[Options, "the teacher's options"] = dataclasses.field(
        default_factory=dict
    )
    teacher_file: Annotated[
        str | None, "a trained teacher of your own (.keras), instead of training one"
    ] = None
    student: Annotated[str, "the student, a model's name"] = "mlp"
    student_options: Annotated[Options, "the student's options"] = dataclasses.field(
        default_factory=dict
    )

    method: Annotated[str, "the soft loss, a method's name"] = "kd"
    alpha: Annotated[float, "weight of the hard loss, 0 to 1; the soft loss has 1 - alpha"] = 0.1
    temperature: Annotated[float, "temperature of the soft loss, above 0"] = 4.0

    optimizer: Annotated[str, "adam, adamw, sgd or rmsprop"] = "adam"
    optimizer_options: Annotated[Options, "the optimizer's other arguments"] = dataclasses.field(
        default_factory=dict
    )
    learning_rate: Annotated[float, "learning rate at the start"] = 0.001
    schedule: Annotated[
        str, f"course of the learning rate: {' or '.join(SCHEDULES)} (down to 0)"
    ] = "constant"
    epochs: Annotated[int, "passes over the training images"] = 10
    batch_size: Annotated[int, "examples in a step"] = 32
    teacher_epochs: Annotated[int | None, "the teacher's epochs; None: as many"] = None
    teacher_learning_rate: Annotated[
        float | None, "the teacher's learning rate; None: the same"
    ] = None
    precision: Annotated[str, f"Keras' dtype policy of both models: {', '.join(PRECISIONS)}"] = (
        "float32"
    )
    seed: Annotated[
        int, "the first seed: initial weights, data order and dropout follow from it"
    ] = 0
    seeds: Annotated[int, "how many seeds to run, from the first on"] = 1

    def __post_init__(self):
        check_number("temperature", self.temperature, "a positive number", above=0)
        check_number("alpha", self.alpha, "between 0 and 1", least=0, most=1)
        check_number("label_fraction", self.label_fraction, "above 0, up to 1", above=0, most=1)
        check_number("learning_rate", self.learning_rate, "a positive number", above=0)
        for name in ("epochs", "batch_size", "seeds"):
            check_number(name, getattr(self, name), "1 or more", least=1)
        check_number("seed", self.seed, "from 0 to 2147483647", least=0, most=2**31 - 1)
        if self.teacher_epochs is not None:
            check_number("teacher_epochs", self.teacher_epochs, "1 or more", least=1)
        if self.teacher_learning_rate is not None:
            value = self.teacher_learning_rate
            check_number("teacher_learning_rate", value, "a positive number", above=0)
        for name, allowed in (
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
            ("unreadable", UNREADABLE),
        ):
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise UserError(f"{name} is {value!r}, and must be one of {', '.join(allowed)}.")

    def with_seed(self, seed: int) -> "Recipe":
        """Returns the same experiment with one seed, `seed`."""
        return dataclasses.replace(self, seed=seed, seeds=1)

"""`Recipe`: one reproducible experiment, all values written out. Its fields are the flags."""

import dataclasses
from typing import Annotated, Any

from distill.errors import UserError, check_number

SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
UNREADABLE = ("refuse", "skip")
SOFT_TARGETS = ("own", "shuffled")
SHOWN_EPOCHS = ("last", "best")

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
    omitted_classes: Annotated[
        tuple[str, ...],
        "classes whose images no student sees, by name or number, joined by +: 3 or 7+8",
    ] = ()
    noise: Annotated[
        float,
        "share of uniform noise mixed into each image that the distilled student imitates on, 0 "
        "to 1; with 1, pure noise, there are no labels",
    ] = 0.0
    shift: Annotated[
        int, "training images are moved at random by up to this many pixels each way"
    ] = 0
    folds: Annotated[
        int | None,
        "cross-validation: the seed's number chooses which of so many parts of all images is the "
        "test set; None: one fixed test set",
    ] = None

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
    soft_targets: Annotated[
        str,
        "whose soft targets an image gets: its own, or shuffled, those of another image of the "
        "same class",
    ] = "own"
    label_smoothing: Annotated[
        float, "share of the students' labels that is spread evenly over all classes, below 1"
    ] = 0.0

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
    teacher_shift: Annotated[int | None, "the teacher's shift; None: the same"] = None
    precision: Annotated[str, f"Keras' dtype policy of both models: {', '.join(PRECISIONS)}"] = (
        "float32"
    )
    seed: Annotated[
        int, "the first seed: initial weights, data order and dropout follow from it"
    ] = 0
    seeds: Annotated[int, "how many seeds to run, from the first on"] = 1
    shown_epoch: Annotated[
        str,
        f"which model tables and figures show: {' or '.join(SHOWN_EPOCHS)}, the one with the "
        "highest validation accuracy; both are kept",
    ] = "last"

    def __post_init__(self):
        check_number("temperature", self.temperature, "a positive number", above=0)
        check_number("alpha", self.alpha, "between 0 and 1", least=0, most=1)
        check_number("label_fraction", self.label_fraction, "above 0, up to 1", above=0, most=1)
        check_number("learning_rate", self.learning_rate, "a positive number", above=0)
        check_number("noise", self.noise, "between 0 and 1", least=0, most=1)
        smoothing = self.label_smoothing
        check_number("label_smoothing", smoothing, "from 0 to below 1", least=0, most=0.999999)
        for name in ("epochs", "batch_size", "seeds"):
            check_number(name, getattr(self, name), "1 or more", least=1)
        check_number("shift", self.shift, "0 or more", least=0)
        if self.teacher_shift is not None:
            check_number("teacher_shift", self.teacher_shift, "0 or more", least=0)
        if self.folds is not None:
            check_number("folds", self.folds, "2 or more, or None", least=2)
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
            ("soft_targets", SOFT_TARGETS),
            ("shown_epoch", SHOWN_EPOCHS),
        ):
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise UserError(f"{name} is {value!r}, and must be one of {', '.join(allowed)}.")

    def with_seed(self, seed: int) -> "Recipe":
        """Returns the same experiment with one seed, `seed`."""
        return dataclasses.replace(self, seed=seed, seeds=1)

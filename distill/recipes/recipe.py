"""`Recipe`: one reproducible experiment, all values written out. Its fields are the flags."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Annotated, Any

from distill.errors import UserError, check_number

SCHEDULES = ("constant", "cosine", "halving", "restarts")
NEED_EPOCHS = ("halving", "restarts")
HAVE_FLOOR = ("cosine", "restarts")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
UNREADABLE = ("refuse", "skip")
SOFT_TARGETS = ("own", "shuffled")
NOISE_KINDS = ("uniform", "smoothed", "pixels", "mixture")
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
    classes: Annotated[
        tuple[str, ...], "use only these classes of the set, by name or number, joined by +"
    ] = ()
    dropped_classes: Annotated[
        tuple[str, ...], "leave these classes of the set out altogether, such as clutter"
    ] = ()
    label_fraction: Annotated[
        float,
        "share of the training images whose labels the student may see, up to 1; the teacher sees "
        "all labels, and the distilled student its soft targets on the rest",
    ] = 1.0
    omitted_classes: Annotated[
        tuple[str, ...],
        "classes whose images no student sees, by name or number, joined by +: 3 or 7+8",
    ] = ()
    kept_classes: Annotated[tuple[str, ...], "the only classes whose images a student sees"] = ()
    transfer_images: Annotated[
        tuple[str, ...],
        "on what the distilled student imitates, joined by +: own, the training images, and other "
        "sets or folders, whose labels are not used",
    ] = ("own",)
    noise: Annotated[
        float,
        "share of noise mixed into each image that the distilled student imitates on, 0 to 1; "
        "with 1, nothing but noise, there are no labels",
    ] = 0.0
    noise_kind: Annotated[
        str,
        f"{', '.join(NOISE_KINDS)}: each pixel at random, the same smoothed, each pixel from some "
        "training image, or several images mixed",
    ] = "uniform"
    shift: Annotated[
        int, "training images are moved at random by up to this many pixels each way"
    ] = 0
    augmentation: Annotated[
        tuple[str, ...],
        "further random changes of training images, in this order, joined by +: flip, rotation, "
        "zoom, resized_crop, rand_augment, erasing",
    ] = ()
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
    teacher_pretraining: Annotated[
        str | None,
        "a recipe, whose teacher is trained first; its classifier is then replaced and alone "
        "trained on this recipe's data, all else of it is frozen",
    ] = None
    teachers: Annotated[
        int, "an ensemble of so many teachers, which differ by their seeds; their logits' mean"
    ] = 1
    assistant: Annotated[
        str | None,
        "a teacher assistant, a model's name: it is distilled from the teacher, and the student "
        "from it",
    ] = None
    assistant_options: Annotated[Options, "the assistant's options"] = dataclasses.field(
        default_factory=dict
    )
    generations: Annotated[
        int, "born-again generations: each student is the teacher of the next"
    ] = 1
    student: Annotated[str, "the student, a model's name"] = "mlp"
    student_options: Annotated[Options, "the student's options"] = dataclasses.field(
        default_factory=dict
    )

    method: Annotated[str, "the soft loss, a method's name"] = "kd"
    method_options: Annotated[Options, "the method's options, e.g. weight=10 of fitnet"] = (
        dataclasses.field(default_factory=dict)
    )
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
    schedule: Annotated[str, f"course of the learning rate: {', '.join(SCHEDULES)}"] = "constant"
    schedule_epochs: Annotated[
        float | None,
        "halving: the rate is halved each time after so many epochs; restarts: epochs to the first "
        "restart, twice as many to each one after that",
    ] = None
    floor: Annotated[
        float, "cosine and restarts: the rate falls to this share of the learning rate, below 1"
    ] = 0.0
    warmup_epochs: Annotated[
        float, "the rate grows from 0 to the schedule's over so many epochs"
    ] = 0.0
    epochs: Annotated[int, "passes over the training images"] = 10
    batch_size: Annotated[int, "examples in a step"] = 32
    teacher_epochs: Annotated[int | None, "the teacher's epochs; None: as many"] = None
    teacher_learning_rate: Annotated[
        float | None, "the teacher's learning rate; None: the same"
    ] = None
    labels_learning_rate: Annotated[
        float | None,
        "the learning rate of the student from labels, where another is better for it; None: the "
        "same as the distilled student's",
    ] = None
    teacher_schedule: Annotated[str | None, "the teacher's schedule; None: the same"] = None
    teacher_floor: Annotated[float | None, "the teacher's floor; None: the same"] = None
    teacher_shift: Annotated[int | None, "the teacher's shift; None: the same"] = None
    teacher_augmentation: Annotated[
        tuple[str, ...] | None, "the teacher's augmentation, '' for none; None: the same"
    ] = None
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
        self._check_numbers()
        for field in dataclasses.fields(self):  # equal recipes have equal runs
            value, kind = getattr(self, field.name), typing.get_args(field.type)[0]
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
            if isinstance(value, int) and kind in (float, float | None):
                object.__setattr__(self, field.name, float(value))
            if isinstance(value, float) and kind in (int, int | None):
                raise UserError(f"{field.name} is {value!r}, and must be a whole number.")
        for name, allowed in (
            ("schedule", SCHEDULES),
            ("teacher_schedule", (*SCHEDULES, None)),
            ("precision", PRECISIONS),
            ("unreadable", UNREADABLE),
            ("soft_targets", SOFT_TARGETS),
            ("noise_kind", NOISE_KINDS),
            ("shown_epoch", SHOWN_EPOCHS),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise UserError(
                    f"{name} is {value!r}, and must be one of {', '.join(map(str, allowed))}."
                )
        for one, other in (
            ("classes", "dropped_classes"),
            ("omitted_classes", "kept_classes"),
            ("teacher_file", "teacher_pretraining"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise UserError(f"{one} and {other} are both set; set one of them to none.")
        if self.assistant and self.generations > 1:
            raise UserError("assistant and generations are both given; give one of them.")
        for schedule in (self.schedule, self.teacher_schedule):
            if schedule in NEED_EPOCHS and self.schedule_epochs is None:
                raise UserError(f"The schedule {schedule!r} needs schedule_epochs; give a number.")
        if self.teachers > 1 and (self.folds or self.teacher_file):
            raise UserError(
                f"teachers is {self.teachers}, and must be 1 with "
                f"{'folds' if self.folds else 'teacher_file'}: an ensemble's teachers are trained "
                "here, with different seeds on the same images."
            )
        for name, learned in (
            ("teacher_pretraining", self.teacher_pretraining),
            ("transfer_images of other sets", self.transfer_images not in ((), ("own",))),
        ):
            if self.folds and learned:
                raise UserError(
                    f"folds is {self.folds}, and must be none with {name}: images of a fold's test "
                    "split could be among them."
                )
        if not self.transfer_images:
            raise UserError("transfer_images is empty; give own, a set's name, or several.")
        if self.soft_targets == "shuffled" and self.transfer_images != ("own",):
            raise UserError(
                f"soft_targets is 'shuffled', and must be own with transfer_images "
                f"{'+'.join(self.transfer_images)}: images of other sets have no class to be "
                "shuffled in."
            )

    def _check_numbers(self):
        check_number("temperature", self.temperature, "a positive number", above=0)
        check_number("learning_rate", self.learning_rate, "a positive number", above=0)
        check_number("label_fraction", self.label_fraction, "above 0, up to 1", above=0, most=1)
        for name in ("alpha", "noise"):
            check_number(name, getattr(self, name), "between 0 and 1", least=0, most=1)
        for name in ("label_smoothing", "floor", "teacher_floor"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, "from 0 to below 1", least=0, most=0.999999)
        for name in ("epochs", "batch_size", "seeds", "teachers", "generations"):
            check_number(name, getattr(self, name), "1 or more", least=1)
        for name in ("shift", "warmup_epochs"):
            check_number(name, getattr(self, name), "0 or more", least=0)
        check_number("seed", self.seed, "from 0 to 2147483647", least=0, most=2**31 - 1)
        for name, wanted, limit in (
            ("teacher_shift", "0 or more", {"least": 0}),
            ("folds", "2 or more, or None", {"least": 2}),
            ("teacher_epochs", "1 or more", {"least": 1}),
            ("teacher_learning_rate", "a positive number", {"above": 0}),
            ("labels_learning_rate", "a positive number", {"above": 0}),
            ("schedule_epochs", "a positive number, or None", {"above": 0}),
        ):
            if (value := getattr(self, name)) is not None:
                check_number(name, value, wanted, **limit)

    def with_values(self, values: Mapping[str, Any]) -> "Recipe":
        """Returns the recipe with other values of some fields, as flags and grids give them.

        Options are laid over the recipe's own; another model, method or optimizer has none of
        these.

        Raises:
            UserError: there is no such field, or a value is out of range.

        Example:

        >>> recipe = Recipe(student_options={"hidden": 8})
        >>> recipe.with_values({"student_options": {"depth": 1}}).student_options
        {'hidden': 8, 'depth': 1}
        >>> recipe.with_values({"student": "cnn"}).student_options
        {}
        """
        values, known = dict(values), {field.name for field in dataclasses.fields(self)}
        for name in values:
            if name not in known:
                raise UserError(f"A recipe has no field {name!r}; --help shows all as flags.")
        for kind in ("teacher", "student", "assistant", "method", "optimizer"):
            own, options = getattr(self, kind), f"{kind}_options"
            is_same = own is None or values.get(kind, own) == own
            kept = getattr(self, options) if is_same else {}
            given = values.get(options, {})
            # 2 and 2.0 are one value, and the runs of one are those of the other.
            equal = {name: value for name, value in kept.items() if given.get(name) == value}
            values[options] = {**kept, **given, **equal}
        return dataclasses.replace(self, **values)

    def with_seed(self, seed: int) -> "Recipe":
        """Returns the same experiment with one seed, `seed`."""
        return dataclasses.replace(self, seed=seed, seeds=1)

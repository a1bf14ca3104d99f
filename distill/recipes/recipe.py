"""`Recipe`: one reproducible experiment with all its settings, from which flags are made."""

import typing
from typing import Annotated, Any, ClassVar, Literal

import pydantic
from pydantic import Field

from distill.errors import UserError
from distill.recipes.settings import ALL_ROLES, Counts, Names, Numbers, Options, Settings

# The settings with a short name of their own, as flags and as axes of a grid.
SHORT_NAMES = {
    "dataset": "data.name",
    "image_size": "data.image_size",
    "split": "data.split",
    "teacher": "teacher.model",
    "teacher_file": "teacher.file",
    "teacher_predictions": "teacher.predictions",
    "student": "student.model",
    "student_file": "student.file",
    "method": "distillation.method",
    "alpha": "distillation.alpha",
    "temperature": "distillation.temperature",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "seeds": "experiment.seeds",
    "max_params": "experiment.max_params",
    "max_latency_ms": "experiment.max_latency_ms",
}
OWN = "own"
NEED_EPOCHS = ("step_decay", "warm_restarts")
HAVE_FLOOR = ("cosine", "warm_restarts")

Schedule = Literal["constant", "cosine", "step_decay", "warm_restarts"]
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]

_STUDENTS = Counts("baseline", "distilled")
_DISTILLED = Counts("distilled")
_BY_DATA = Counts(*ALL_ROLES.roles, through="the data's fingerprint")
_BY_TRAINING = Counts(*ALL_ROLES.roles, through="the role's training settings")
_BY_CLASSES = Counts("baseline", "distilled", through="the numbers of the classes")
_BY_TRANSFER = Counts("distilled", through="the fingerprints of the transfer sets")
_BY_TEACHER = Counts("distilled", through="the teacher's key")
_BY_STUDENT_FILE = Counts("baseline", "distilled", through="the file's hash")
_BY_SOURCE = Counts("teacher", through="the teacher's source")


def _refuse_both(are_given: Any, one: str, other: str) -> None:
    if are_given:
        raise UserError(f"{one} and {other} are both given; give one of them.")


class Data(Settings):
    """The data set, and the part of it that a student sees."""

    name: Annotated[str, _BY_DATA] = "digits"
    """digits, a TensorFlow Datasets name, or a folder with a folder per class"""
    image_size: Annotated[Count | None, _BY_DATA] = None
    """height and width in pixels (default: as suits teacher and images)"""
    split: Annotated[str | None, _BY_DATA] = None
    """a CSV file (image,class,split) for a folder of images"""
    unreadable: Annotated[Literal["refuse", "skip"], _BY_DATA] = "refuse"
    """unreadable image files: refuse or skip"""
    include: Annotated[Names, _BY_DATA] = ()
    """use only these classes, by name or number, joined by +"""
    exclude: Annotated[Names, _BY_DATA] = ()
    """leave out these classes, by name or number, joined by +"""
    label_fraction: Annotated[float, Field(gt=0, le=1), _STUDENTS] = 1.0
    """share of the training labels that the student sees"""
    student_exclude: Annotated[Names, _BY_CLASSES] = ()
    """classes that no student sees in training, e.g. 7+8"""
    student_include: Annotated[Names, _BY_CLASSES] = ()
    """the only classes that students see in training, e.g. 7+8"""
    transfer_images: Annotated[Names, _BY_TRANSFER] = (OWN,)
    """transfer set: own (training images), data sets, folders"""
    noise: Annotated[float, Field(ge=0, le=1), _DISTILLED] = 0.0
    """share of noise in transfer images; 1 uses no labels"""
    noise_kind: Annotated[Literal["uniform", "smoothed", "pixels", "mixture"], _DISTILLED] = (
        "uniform"
    )
    """uniform, smoothed, pixels or mixture (of images)"""

    @pydantic.model_validator(mode="after")
    def _check(self):
        _refuse_both(self.include and self.exclude, "data.include", "data.exclude")
        both = self.student_exclude and self.student_include
        _refuse_both(both, "data.student_exclude", "data.student_include")
        if not self.transfer_images:
            raise UserError(
                "data.transfer_images is empty; give 'own', a data set's name, or several."
            )
        return self


class Training(Settings):
    """How a model is trained."""

    options_of: ClassVar = {"optimizer": "optimizer_options"}

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    """adam, adamw, sgd or rmsprop"""
    optimizer_options: Options = {}
    """other arguments of the optimizer, e.g. momentum=0.9"""
    learning_rate: Positive = 0.001
    """initial learning rate"""
    schedule: Schedule = "constant"
    """learning rate: constant, cosine, step_decay, warm_restarts"""
    schedule_epochs: Positive | None = None
    """step_decay: epochs between halvings; warm_restarts: epochs to the first restart"""
    schedule_floor: Share = 0.0
    """lowest learning rate, as a share of the initial one"""
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """epochs of linear warm-up of the learning rate"""
    epochs: Count = 10
    """passes over the training images"""
    batch_size: Count = 32
    """examples per step"""
    translation: Annotated[int, Field(ge=0)] = 0
    """translate training images by up to this many pixels"""
    augmentation: Names = ()
    """changes of training images, e.g. flip+zoom; see --list augmentations"""
    precision: Precision = "float32"
    """float32, mixed_float16 or mixed_bfloat16"""

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.schedule in NEED_EPOCHS and self.schedule_epochs is None:
            raise UserError(
                f"training.schedule is {self.schedule!r} and needs a number for "
                "training.schedule_epochs."
            )
        return self

    @property
    def augments(self) -> bool:
        """Whether training images are changed at random."""
        return self.translation > 0 or bool(self.augmentation)


class _Overrides(Settings):
    options_of: ClassVar = Training.options_of


# The same settings again, each optional: what differs from the recipe's `training`.
if typing.TYPE_CHECKING:
    TrainingOverrides = Training
else:
    TrainingOverrides = pydantic.create_model(
        "TrainingOverrides",
        __base__=_Overrides,
        __doc__="Training settings that differ from the recipe's `training`; None keeps its value.",
        **{
            name: (
                Annotated[(field.annotation, *field.metadata)] | None
                if field.metadata
                else field.annotation | None,
                Field(default=None, description=field.description),
            )
            for name, field in Training.model_fields.items()
        },
    )


class Teacher(Settings):
    """Where the teacher comes from."""

    options_of: ClassVar = {"model": "options"}

    model: str = "cnn"
    """the teacher's architecture: see --list models, or module:function"""
    options: Options = {}
    """the architecture's options"""
    file: Annotated[str | None, _BY_SOURCE] = None
    """use this trained .keras model; train no teacher"""
    predictions: Annotated[str | None, _BY_SOURCE] = None
    """the teacher's predictions: a .csv, .parquet or .npz file"""
    pretraining: Annotated[str | None, _BY_SOURCE] = None
    """recipe or .keras file of a trained model: only a new classifier is trained"""
    ensemble: Annotated[Count, _BY_SOURCE] = 1
    """number of teachers; their logits are averaged"""
    training: Annotated[
        TrainingOverrides, Counts("teacher", through="the role's training settings")
    ] = TrainingOverrides()
    """training settings of the teacher"""

    @pydantic.model_validator(mode="after")
    def _check(self):
        given = [name for name in ("file", "predictions", "pretraining") if getattr(self, name)]
        if len(given) > 1:
            _refuse_both(True, *(f"teacher.{name}" for name in given[:2]))
        if given and given[0] != "pretraining" and self.ensemble > 1:
            raise UserError(
                f"teacher.ensemble is {self.ensemble}, and must be 1 with teacher.{given[0]}: the "
                "teachers of an ensemble are trained here."
            )
        return self


class Student(Settings):
    """The student, trained on labels only (the baseline) and distilled."""

    options_of: ClassVar = {"model": "options"}

    model: str = "mlp"
    """the student's architecture: see --list models, or module:function"""
    options: Options = {}
    """the architecture's options"""
    file: Annotated[str | None, _BY_STUDENT_FILE] = None
    """a .keras file with the student; it replaces student.model"""
    start: Literal["file", "random"] = "file"
    """initial weights of a student from a file: file or random"""
    image_size: Count | None = None
    """the student resizes its images to this height and width (default: it does not)"""
    quantisation: Literal["int8"] | None = None
    """int8: in training, round weights and activations as litert-int8 does"""
    label_smoothing: Share = 0.0
    """share of each label that is spread over all classes"""
    baseline: Annotated[
        TrainingOverrides, Counts("baseline", through="the role's training settings")
    ] = TrainingOverrides()
    """training settings of the baseline"""


class Distillation(Settings):
    """What the distilled student learns from its teacher."""

    options_of: ClassVar = {"method": "options", "assistant": "assistant_options"}

    method: str = "kd"
    """the soft loss: see --list methods, or module:function"""
    options: Options = {}
    """the method's options"""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.1
    """weight of the hard loss; the soft loss has 1 - alpha"""
    temperature: Positive = 4.0
    """temperature of the soft loss"""
    soft_targets: Literal["own", "shuffled"] = "own"
    """own, or shuffled: those of another image of the same class"""
    views: Count | None = None
    """views of each augmented image, with stored logits (default: always new ones)"""
    assistant: Annotated[str | None, _BY_TEACHER] = None
    """teacher assistant: it learns from the teacher and teaches the student"""
    assistant_options: Annotated[Options, _BY_TEACHER] = {}
    """the assistant's options"""
    generations: Annotated[Count, _BY_TEACHER] = 1
    """born-again: each student teaches the next one"""

    @pydantic.model_validator(mode="after")
    def _check(self):
        both = self.assistant and self.generations > 1
        _refuse_both(both, "distillation.assistant", "distillation.generations")
        return self


class Experiment(Settings):
    """How often a recipe is run, and which models the tables show."""

    seeds: Count = 1
    """number of seeds; results are mean ± standard deviation"""
    first_seed: Annotated[
        int, Field(ge=0, le=2**31 - 1), Counts(*ALL_ROLES.roles, through="the seed")
    ] = 0
    """seed of initial weights, data order and dropout"""
    folds: Annotated[Annotated[int, Field(ge=2)] | None, _BY_DATA] = None
    """cross-validation folds, one for each seed (default: one fixed split)"""
    report_checkpoint: Literal["last", "best"] = "last"
    """last epoch, or best validation accuracy (both are kept)"""
    learning_rates: Numbers = ()
    """rates, joined by +: each student takes the best on validation data"""
    max_params: Count | None = None
    """most parameters of the student that is recommended"""
    max_latency_ms: Positive | None = None
    """most milliseconds for one image of the student that is recommended"""
    export: Names = ()
    """export the student, e.g. litert-int8+onnx; see --list formats"""


class Recipe(Settings):
    """One experiment: data, teacher, student, method and how they are trained.

    Examples:
        >>> recipe = Recipe(name="mine", distillation=Distillation(temperature=2.0))
        >>> recipe.distillation.alpha
        0.1
        >>> recipe.with_values({"training.epochs": 3, "student.options.hidden": 8}).training.epochs
        3
        >>> Distillation(temperature=0)
        Traceback (most recent call last):
        distill.recipes.settings.SettingError: temperature is 0, and must be a number above 0.
    """

    name: Annotated[str, Counts()] = "recipe"
    """name of the recipe"""
    data: Data = Data()
    """data"""
    teacher: Annotated[Teacher, Counts("teacher")] = Teacher()
    """teacher"""
    student: Annotated[Student, _STUDENTS] = Student()
    """student"""
    distillation: Annotated[Distillation, _DISTILLED] = Distillation()
    """distillation"""
    training: Annotated[Training, _BY_TRAINING] = Training()
    """training"""
    experiment: Annotated[Experiment, Counts()] = Experiment()
    """experiment"""

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.experiment.folds:
            self._check_folds()
        images = self.data.transfer_images
        if self.distillation.soft_targets == "shuffled" and images != (OWN,):
            raise UserError(
                "distillation.soft_targets is 'shuffled', and must be 'own' with "
                f"data.transfer_images {'+'.join(images)}: images of other sets have no class."
            )
        for overrides in (self.teacher.training, self.student.baseline):
            self.training_with(overrides)
        return self

    def _check_folds(self):
        for name, is_set in (
            ("teacher.ensemble", self.teacher.ensemble > 1),
            ("teacher.pretraining", self.teacher.pretraining is not None),
            ("data.transfer_images of other sets", self.data.transfer_images != (OWN,)),
        ):
            if is_set:
                raise UserError(
                    f"experiment.folds is {self.experiment.folds}, and must be none with {name}: "
                    "it could train on images of a fold's test set."
                )

    def training_with(self, overrides: Settings) -> Training:
        """Returns the training settings with those overrides that are not None."""
        given = {name: value for name, value in overrides if value is not None}
        return self.training.with_values(given)

    @property
    def seed(self) -> int:
        """The first seed; the only one of a single run."""
        return self.experiment.first_seed

    def with_seed(self, seed: int) -> "Recipe":
        """Returns the recipe of a single run with this seed."""
        return self.with_values({"experiment.first_seed": seed, "experiment.seeds": 1})

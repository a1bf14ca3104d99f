"""One run: recipe in, trained model and run folder out. The only training loop."""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Sequence
from pathlib import Path

import keras

from distill.callbacks import Checkpoint, StopOnNaN, remove_checkpoints, resume
from distill.checks import Finding, check, stop_if_pointless
from distill.data import (
    ImageData,
    evaluation_pipeline,
    hide_labels,
    labelled,
    load_data,
    training_pipeline,
)
from distill.distiller import Distiller
from distill.errors import UserError
from distill.evaluation import evaluate
from distill.methods import METHODS, CrossEntropy, get_method
from distill.models import build_model
from distill.recipes import Recipe
from distill.run_folder import (
    Run,
    completed,
    file_hash,
    key_of,
    load_model,
    locked,
    model_file,
    replacing,
    run_folder,
    set_aside,
    write_json,
    write_settings,
)

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}
load_data_once = functools.lru_cache(maxsize=2)(load_data)


@dataclasses.dataclass(frozen=True)
class Budget:
    """How a model is trained: what the recipe says of one role."""

    optimizer: str
    optimizer_options: dict
    learning_rate: float
    schedule: str
    epochs: int
    batch_size: int
    precision: str

    @classmethod
    def of(cls, recipe: Recipe, role: str) -> "Budget":
        values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(cls)}
        if role == "teacher":
            values["epochs"] = recipe.teacher_epochs or recipe.epochs
            values["learning_rate"] = recipe.teacher_learning_rate or recipe.learning_rate
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


def validate(recipe: Recipe) -> ImageData:
    """Loads the data and tries every name and option of a recipe, before anything is trained.

    Args:
        recipe: the recipe.

    Returns:
        The data.

    Raises:
        UserError: something of the recipe cannot be had.
    """
    if recipe.method not in METHODS:
        get_method(recipe.method)
    Budget.of(recipe, "student").make_optimizer(1)
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    student = build_model(recipe.student, data.image_shape, data.classes, **recipe.student_options)
    if recipe.teacher_file is None:
        build_model(recipe.teacher, data.image_shape, data.classes, **recipe.teacher_options)
    else:
        _teacher_from_file(recipe, data, student)
    return data


def train_teacher(recipe: Recipe, runs: Path, fresh: bool = False, callbacks: Sequence = ()) -> Run:
    """Trains the recipe's teacher from all labels, or finds it trained.

    Args:
        recipe: the recipe; its `seed` is the run's.
        runs: folder under which run folders lie.
        fresh: train even if the run is complete; the older one is renamed, not deleted.
        callbacks: further Keras callbacks.

    Returns:
        The run. With `teacher_file`, that file's, which has no folder of its own.
    """
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    if recipe.teacher_file is not None:
        path = Path(recipe.teacher_file)
        metrics = _measure(load_model(path), data, path)
        return Run("teacher", recipe.seed, file_hash(path), path.parent, path, metrics, reused=True)
    return _train("teacher", recipe, data, data.train, None, runs, fresh, callbacks)


def train_student(recipe: Recipe, runs: Path, fresh: bool = False, callbacks: Sequence = ()) -> Run:
    """Trains the recipe's student from the labels it may see; see `train_teacher`.

    It takes as many steps as the distilled student does, going over its labels more often.
    """
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    split = labelled(hide_labels(data.train, recipe.label_fraction))
    return _train("student", recipe, data, split, None, runs, fresh, callbacks)


def train_distilled(
    recipe: Recipe, teacher: Run, runs: Path, fresh: bool = False, callbacks: Sequence = ()
) -> Run:
    """Trains the recipe's student to imitate `teacher`'s model; see `train_teacher`."""
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    split = hide_labels(data.train, recipe.label_fraction)
    return _train("distilled", recipe, data, split, teacher, runs, fresh, callbacks)


def check_distillation(
    recipe: Recipe, teacher: Run, student_accuracy: float | None = None
) -> list[Finding]:
    """Runs `distill.checks.check` on what `train_distilled` would train.

    Args:
        recipe: the recipe.
        teacher: the teacher's run.
        student_accuracy: validation accuracy of the student from labels, if known.

    Returns:
        The findings.

    Raises:
        UserError: one of them says that training would be in vain.
    """
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    with _precision(recipe.precision):
        distiller = _build_distiller(recipe, data, teacher)
    split = hide_labels(data.train, recipe.label_fraction)
    x, y = next(iter(training_pipeline(split, min(256, len(split)), recipe.seed)))
    validation = data.validation.images.astype("float32"), data.validation.labels
    findings = check(distiller, x, y, validation, student_accuracy)
    stop_if_pointless(findings)
    return findings


def find_teacher(recipe: Recipe, runs: Path) -> Run | None:
    """Returns the run of the teacher that the recipe would train, if it is complete."""
    data = load_data_once(recipe.dataset, recipe.image_size, recipe.unreadable)
    identity, folder = _place("teacher", recipe, data, None, runs)
    return completed(folder, "teacher", recipe.seed, identity)


def _place(role, recipe, data, teacher, runs):
    identity = _identity(role, recipe, data, Budget.of(recipe, role), teacher)
    name = f"{role}-{recipe.teacher if role == 'teacher' else recipe.student}"
    return identity, run_folder(runs, recipe.dataset, name, recipe.seed, identity)


def _train(role, recipe, data, split, teacher, runs, fresh, callbacks):
    budget = Budget.of(recipe, role)
    identity, folder = _place(role, recipe, data, teacher, runs)
    if not fresh and (run := completed(folder, role, recipe.seed, identity)):
        return run
    with locked(folder):
        if fresh:
            set_aside(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_settings(folder, dataclasses.asdict(recipe), identity)
        with _precision(budget.precision):
            keras.utils.set_random_seed(recipe.seed)
            if role == "distilled":
                model = _build_distiller(recipe, data, teacher)
            else:
                kind = recipe.teacher if role == "teacher" else recipe.student
                options = recipe.teacher_options if role == "teacher" else recipe.student_options
                model = build_model(kind, data.image_shape, data.classes, **options)
            started = time.monotonic()
            _fit(model, split, data, budget, recipe.seed, folder, callbacks)
            seconds = time.monotonic() - started
        trained = _without_optimizer(model.student if role == "distilled" else model)
        path = model_file(folder, role)
        with replacing(path) as temporary:
            trained.save(temporary)
        metrics = {**_measure(trained, data, path), "seconds": round(seconds, 3)}
        remove_checkpoints(folder)
        write_json(folder / "metrics.json", metrics)
    return Run(role, recipe.seed, key_of(identity), folder, path, metrics)


def _fit(model, split, data, budget, seed, folder, callbacks):
    # One pass of the whole training set, also for a student that has labels for a part of it only:
    # every role gets the same number of steps.
    steps = math.ceil(len(data.train) / budget.batch_size)
    optimizer = budget.make_optimizer(steps * budget.epochs)
    model.compile(
        optimizer=optimizer,
        loss=CrossEntropy(),
        weighted_metrics=["accuracy"],
        steps_per_execution=_steps_per_execution(steps),
    )
    first_epoch = resume(model, folder)
    log = keras.callbacks.CSVLogger(str(folder / "history.csv"), append=first_epoch > 0)
    try:
        model.fit(
            training_pipeline(split, budget.batch_size, seed, first_step=first_epoch * steps),
            steps_per_epoch=steps,
            initial_epoch=first_epoch,
            epochs=budget.epochs,
            shuffle=False,  # the pipeline shuffles
            validation_data=evaluation_pipeline(data.validation, batch_size=256),
            verbose=0,
            callbacks=[
                *callbacks,
                keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False),
                log,
                Checkpoint(folder),
                *([] if isinstance(model, Distiller) else [StopOnNaN()]),  # Distiller has its own
            ],
        )
    finally:
        log.on_train_end()  # closes its file, which Keras does where training ends well


def _steps_per_execution(steps):
    """The largest divisor of `steps` up to 64: Keras would run past the epoch with another."""
    return max(number for number in range(1, min(steps, 64) + 1) if steps % number == 0)


def _build_distiller(recipe, data, teacher):
    options = recipe.student_options
    keras.utils.set_random_seed(recipe.seed)
    student = build_model(recipe.student, data.image_shape, data.classes, **options)
    return Distiller(
        teacher=teacher.load_model(),
        student=student,
        method=recipe.method,
        alpha=recipe.alpha,
        temperature=recipe.temperature,
    )


def _identity(role, recipe, data, budget, teacher):
    """Everything that a run's result depends on."""
    of_teacher = role == "teacher"
    identity = {
        "role": role,
        "data": data.fingerprint,
        "model": recipe.teacher if of_teacher else recipe.student,
        "options": recipe.teacher_options if of_teacher else recipe.student_options,
        "budget": dataclasses.asdict(budget),
        "seed": recipe.seed,
    }
    if not of_teacher:
        identity["label_fraction"] = recipe.label_fraction
    if role == "distilled":
        identity |= {
            "method": recipe.method,
            "alpha": recipe.alpha,
            "temperature": recipe.temperature,
            "teacher": teacher.key,
        }
    return identity


def _measure(model, data: ImageData, path):
    return {
        "parameters": model.count_params(),
        "model_bytes": path.stat().st_size,
        "model_sha256": file_hash(path),
        "validation": evaluate(model, data.validation),
        "test": evaluate(model, data.test),
    }


def _teacher_from_file(recipe, data, student):
    teacher = load_model(recipe.teacher_file)
    if tuple(teacher.input_shape[1:]) != data.image_shape:
        raise UserError(
            f"The teacher in {recipe.teacher_file} takes inputs of shape "
            f"{tuple(teacher.input_shape[1:])}, and the images of {data.name} have shape "
            f"{data.image_shape}; set --image-size, or choose other data."
        )
    Distiller(teacher=teacher, student=student)


def _without_optimizer(model):
    """The same model uncompiled, so that its file needs nothing of this package to load."""
    clone = type(model).from_config(model.get_config())
    clone.set_weights(model.get_weights())
    return clone


@contextlib.contextmanager
def _precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

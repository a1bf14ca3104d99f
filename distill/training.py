"""One run: recipe in, trained model and run folder out. The only training loop."""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from distill.budget import Budget
from distill.callbacks import (
    BestEpoch,
    Checkpoint,
    EpochSeconds,
    EpochTensorBoard,
    StopOnNaN,
    remove_checkpoints,
    resume,
)
from distill.checks import Finding, check, stop_if_pointless
from distill.data import evaluation_pipeline, shuffle_within_classes, training_pipeline
from distill.distiller import Distiller
from distill.methods import CrossEntropy, get_method
from distill.models import build_model, mean_of_logits, with_new_classifier
from distill.outcome import keep, keep_predictions
from distill.preparation import (
    data_of,
    folder_of,
    identity_of,
    imitated,
    labelled_set,
    transfer_set,
)
from distill.recipes import Recipe
from distill.run_folder import (
    Run,
    completed,
    key_of,
    load_model,
    locked,
    replacing,
    set_aside,
    write_json,
    write_settings,
)
from distill.soft_targets import soft_targets


def train_teacher(
    recipe: Recipe,
    runs: Path,
    fresh: bool = False,
    callbacks: Sequence = (),
    parts: Sequence[Run] = (),
) -> Run:
    """Trains the recipe's teacher from all labels, or finds it trained.

    Args:
        recipe: the recipe; its `seed` is the run's.
        runs: folder under which run folders lie.
        fresh: train even if the run is complete; the older one is renamed, not deleted.
        callbacks: further Keras callbacks.
        parts: runs that it is made from: with `teacher_pretraining` the teacher of that recipe,
            whose classifier is replaced; with several `teachers` all of them.

    Returns:
        The run. With `teacher_file` nothing is trained, and its folder holds what that file's
        model was measured to be worth.
    """
    if recipe.teacher_file is not None:
        fresh = False
    split = data_of(recipe).train
    return _train("teacher", recipe, split, runs, fresh, callbacks, parts=parts)


def train_student(
    recipe: Recipe,
    runs: Path,
    fresh: bool = False,
    callbacks: Sequence = (),
    as_long_as: tuple[Run, Run] | None = None,
) -> Run:
    """Trains the recipe's student from the labels it may see; see `train_teacher`.

    It takes as many steps as the distilled student does, going over its labels more often.

    Args:
        recipe: the recipe; its `seed` is the run's.
        runs: folder under which run folders lie.
        fresh: train even if the run is complete; the older one is renamed, not deleted.
        callbacks: further Keras callbacks.
        as_long_as: a distilled student's run and this student's own run of equal steps: train for
            as many epochs as fit into the former's time, by the median time of their epochs. The
            teacher's own training and stored soft targets are not counted.

    Returns:
        The run.
    """
    split = labelled_set(recipe)
    return _train("student", recipe, split, runs, fresh, callbacks, as_long_as=as_long_as)


def train_distilled(
    recipe: Recipe, teacher: Run, runs: Path, fresh: bool = False, callbacks: Sequence = ()
) -> Run:
    """Trains the recipe's student to imitate `teacher`'s model; see `train_teacher`."""
    return _train("distilled", recipe, transfer_set(recipe), runs, fresh, callbacks, teacher)


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
    data, split = data_of(recipe), transfer_set(recipe)
    with _precision(recipe.precision):
        distiller = _build("distilled", recipe, data, teacher.load_model())
    x, y = next(iter(training_pipeline(split, min(256, len(split)), recipe.seed)))
    validation = data.validation.images.astype("float32"), data.validation.labels
    findings = check(distiller, x, y, validation, student_accuracy)
    stop_if_pointless(findings)
    return findings


def trial(role: str, recipe: Recipe) -> tuple[float, float]:
    """Times a few steps of a training with fresh models; nothing is kept.

    Args:
        role: `"teacher"`, `"student"` or `"distilled"`.
        recipe: the recipe.

    Returns:
        Seconds before the second step, and seconds of the later steps of one epoch.
    """
    data, budget = data_of(recipe), Budget.of(recipe, role)
    began, times, logits = time.monotonic(), [], None
    with _precision(budget.precision):
        teacher = _build("teacher", recipe, data) if role == "distilled" else None
        if teacher is not None and not budget.augments:
            logits = np.zeros((len(data.train), data.classes), "float32")
        model = _build(role, recipe, data, teacher)
        steps = _steps_in_epoch(data, budget)
        together = min(8, steps)
        _compile(model, budget, steps, together)
        pipeline = training_pipeline(
            data.train, budget.batch_size, recipe.seed,
            shift=budget.shift, augmentation=budget.augmentation, teacher_logits=logits,
        )  # fmt: skip
        watch = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: times.append(time.monotonic())
        )
        model.fit(
            pipeline,
            steps_per_epoch=together,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
    return times[0] - began, (times[1] - times[0]) / together * steps


def _train(role, recipe, split, runs, fresh, callbacks, teacher=None, as_long_as=None, parts=()):
    data, budget = data_of(recipe), Budget.of(recipe, role)
    keys = teacher and teacher.key, as_long_as and as_long_as[0].key, [run.key for run in parts]
    identity = identity_of(role, recipe, *keys)
    folder = folder_of(role, recipe, runs, identity)
    if not fresh and (run := completed(folder, role, recipe.seed, identity)):
        return run
    with locked(folder):
        if fresh:
            set_aside(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_settings(folder, dataclasses.asdict(recipe), identity)
        if role == "teacher" and recipe.teacher_file is not None:
            metrics = keep_predictions(Path(recipe.teacher_file), data, folder)
        elif role == "teacher" and recipe.teachers > 1:
            with replacing(folder / "teacher.keras") as temporary:
                mean_of_logits([run.load_model() for run in parts]).save(temporary)
            metrics = keep_predictions(folder / "teacher.keras", data, folder)
        else:
            if as_long_as:
                epochs = max(1, round(budget.epochs * _time_ratio(*as_long_as)))
                budget = dataclasses.replace(budget, epochs=epochs)
            metrics = _fit(role, recipe, data, split, budget, folder, callbacks, teacher, parts)
        remove_checkpoints(folder)
        write_json(folder / "metrics.json", metrics)
    return Run(role, recipe.seed, key_of(identity), folder, metrics)


def _time_ratio(distilled, student):
    """How much longer an epoch of the distilled student takes; the first epoch is warming up."""
    seconds = (run.history()["seconds"] for run in (distilled, student))
    of_distilled, of_student = (float(np.median(times[1:] or times)) for times in seconds)
    return of_distilled / of_student


def _pipelines(recipe, data, split, budget, teacher, store):
    """Makes the training batches, from the step on that they are asked for, and the validation's.

    The teacher's logits come from the store. Only where images are augmented they do not: then
    the teacher sees each image as the student does. Those of validation never are, and their
    logits lie in the teacher's run.
    """
    logits = known = None
    if teacher is not None:
        known = teacher.predictions("last", "validation").astype("float32")
    is_shuffled = recipe.soft_targets == "shuffled"
    if teacher is not None and (is_shuffled or not budget.augments):
        logits = soft_targets(teacher, split, store)
        if is_shuffled:
            logits = logits[shuffle_within_classes(imitated(recipe).labels, recipe.seed)]
    training = functools.partial(
        training_pipeline, split, budget.batch_size, recipe.seed,
        shift=budget.shift, augmentation=budget.augmentation, teacher_logits=logits,
    )  # fmt: skip
    return training, evaluation_pipeline(data.validation, batch_size=256, teacher_logits=known)


def _fit(role, recipe, data, split, budget, folder, callbacks, teacher, parts):
    started = time.monotonic()
    store = folder.parent / "soft_targets"
    pipelines = _pipelines(recipe, data, split, budget, teacher, store)
    with _precision(budget.precision):
        model = _build(role, recipe, data, teacher and teacher.load_model(), parts)
        trained = model.student if role == "distilled" else model
        best = BestEpoch(trained)
        _fit_model(model, best, pipelines, _steps_in_epoch(data, budget), budget, folder, callbacks)
    name = "teacher" if role == "teacher" else "student"
    return {
        "parameters": trained.count_params(),
        "seconds": round(time.monotonic() - started, 3),
        **keep(trained, best, budget.epochs, name, data, folder),
    }


def _build(role, recipe, data, teacher=None, parts=()):
    keras.utils.set_random_seed(recipe.seed)
    if role == "teacher":
        if parts:
            return with_new_classifier(parts[0].load_model(), data.classes)
        if recipe.teacher_file is not None:
            return load_model(recipe.teacher_file)
        options = recipe.teacher_options
        return build_model(recipe.teacher, data.image_shape, data.classes, **options)
    student = build_model(recipe.student, data.image_shape, data.classes, **recipe.student_options)
    if role == "student":
        return student
    return Distiller(
        teacher=teacher,
        student=student,
        method=get_method(recipe.method, **recipe.method_options),
        alpha=recipe.alpha,
        temperature=recipe.temperature,
    )


def _steps_in_epoch(data, budget):
    # One pass of the whole training set, also for a student that sees a part of it only: every role
    # gets the same number of steps.
    return math.ceil(len(data.train) / budget.batch_size)


def _compile(model, budget, steps, together):
    model.compile(
        optimizer=budget.make_optimizer(steps),
        loss=CrossEntropy(budget.label_smoothing),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
        steps_per_execution=together,
    )
    # All variables are there now, those of the metric too, which a mere name would not have made:
    # the first step that makes some is traced a second time.
    model.optimizer.build(model.trainable_variables)


def _fit_model(model, best, pipelines, steps, budget, folder, callbacks):
    training, validation = pipelines
    _compile(model, budget, steps, _steps_per_execution(steps))
    first_epoch = resume(model, folder, best)
    log = keras.callbacks.CSVLogger(str(folder / "history.csv"), append=first_epoch > 0)
    try:
        model.fit(
            training(first_step=first_epoch * steps),
            steps_per_epoch=steps,
            initial_epoch=first_epoch,
            epochs=budget.epochs,
            shuffle=False,  # the pipeline shuffles
            validation_data=validation,
            verbose=0,
            callbacks=[
                EpochSeconds(),
                best,
                *callbacks,
                EpochTensorBoard(folder / "tensorboard", write_graph=False),
                log,
                Checkpoint(folder, best),
                *([] if isinstance(model, Distiller) else [StopOnNaN()]),  # Distiller has its own
            ],
        )
    finally:
        log.on_train_end()  # closes its file, which Keras does where training ends well


def _steps_per_execution(steps):
    """The largest divisor of `steps` up to 64: Keras would run past the epoch with another."""
    return max(number for number in range(1, min(steps, 64) + 1) if steps % number == 0)


@contextlib.contextmanager
def _precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

"""`train`: a `RunSpec` and its finished inputs in, a run folder out. The only training loop."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from distill.callbacks import StopOnNaN
from distill.checks import Finding, check, raise_on_error
from distill.data import evaluation_pipeline, shuffle_within_classes, training_pipeline
from distill.files import write_json
from distill.methods import CrossEntropy
from distill.runs import Run, completed, locked, set_aside, write_settings
from distill.training.building import build
from distill.training.checkpoints import (
    BestEpoch,
    Checkpoint,
    EpochSeconds,
    EpochTensorBoard,
    remove_traces,
    resume,
)
from distill.training.data import clean_transfer_set, data_of
from distill.training.events import EventCallback, OnEvent, ignore
from distill.training.optimizer import make_optimizer
from distill.training.outcome import keep
from distill.training.spec import RunSpec
from distill.training.teachers import source_of, teacher_of

# Keras may run so many steps in one call; a call of more than this would hold Ctrl-C for long.
MOST_STEPS = 1024


def train(
    spec: RunSpec, inputs: Mapping[str, Run], on_event: OnEvent = ignore, retrain: bool = False
) -> Run:
    """Trains a run, or returns it if it is complete.

    Args:
        spec: the run.
        inputs: the finished runs that it needs, by key.
        on_event: is called with the events of `distill.training.events` while the model trains.
        retrain: train a complete run again; its old folder is renamed, not deleted.

    Raises:
        UserError: something that the run needs cannot be had, its folder is damaged, or another
            process is training it.
    """
    if not retrain and (run := completed(spec.folder, spec.identity)):
        return run
    with locked(spec.folder):
        # Another process may have finished it in the meantime.
        if not retrain and (run := completed(spec.folder, spec.identity)):
            return run
        if retrain:
            set_aside(spec.folder)
        keras.backend.clear_session()  # many runs must not fill the memory with graphs
        spec.folder.mkdir(parents=True, exist_ok=True)
        recipe, names = spec.recipe.model_dump(mode="json"), data_of(spec.recipe).class_names
        write_settings(spec.folder, recipe, spec.identity, names)
        metrics = _fit(spec, inputs, on_event) if spec.is_trained else _measure(spec, inputs)
        remove_traces(spec.folder)
        write_json(spec.folder / "metrics.json", metrics)
    return Run(spec.role, spec.seed, spec.key, spec.folder, metrics)


def check_distillation(
    spec: RunSpec, teacher: Run, baseline_accuracy: float | None = None
) -> list[Finding]:
    """Runs `distill.check` on the distillation that a spec describes.

    The baseline's accuracy on validation data is compared with the teacher's. A finding that is an
    error becomes a `UserError`.
    """
    data, split = data_of(spec.recipe), spec.split
    with _precision(spec.training.precision):
        distiller = build(spec, {teacher.key: teacher})
    logits: np.ndarray | None = None
    labels: Any = data.validation.labels
    if distiller.teacher is None:
        logits, of_validation = _teacher_logits(spec, split, {teacher.key: teacher})
        labels = {"labels": labels, "teacher_logits": of_validation}
    size = min(256, len(split))
    batches = training_pipeline(split, size, spec.seed, teacher_logits=logits, index=True)
    x, y = next(iter(batches))
    held_out = data.validation.images.astype("float32"), labels
    findings = check(distiller, x, y, held_out, baseline_accuracy, data.class_names)
    raise_on_error(findings)
    return findings


def trial(spec: RunSpec) -> tuple[float, float]:
    """Times a few steps of a run with fresh models; nothing is kept.

    Returns the seconds before the second step, and those of the later steps of one epoch.
    """
    data, began, logits = data_of(spec.recipe), time.monotonic(), None
    ends: list[float] = []
    if spec.stores_targets:
        logits = np.zeros((len(data.train), data.classes), "float32")
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.monotonic()))
    steps = _steps_in_epoch(spec)
    together = min(8, steps)
    at_once = 1 if keras.backend.backend() == "torch" else together
    with _precision(spec.training.precision):
        model = build(spec)
        _compile(model, spec, at_once)
        model.fit(
            _batches(spec, data.train, logits),
            steps_per_epoch=together,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
    return ends[0] - began, (ends[1] - ends[0]) / together * steps


def _measure(spec, inputs):
    keras.utils.set_random_seed(spec.seed)
    made_from = [inputs[key] for key in spec.inputs]
    return source_of(spec.recipe).measure(spec.recipe, data_of(spec.recipe), made_from, spec.folder)


def _fit(spec, inputs, on_event):
    started = time.monotonic()
    if spec.match_time_of:
        spec = _with_matched_epochs(spec, *(inputs[key] for key in spec.match_time_of))
    with _precision(spec.training.precision):
        model = build(spec, inputs)
        trained = model.student if spec.is_distilled else model
        best = BestEpoch(trained)
        _fit_model(model, best, spec, inputs, on_event)
    name = "teacher" if spec.is_teacher else "student"
    return {
        "seconds": round(time.monotonic() - started, 3),
        **keep(trained, best, spec.training.epochs, name, data_of(spec.recipe), spec.folder),
    }


def _with_matched_epochs(spec, distilled, baseline):
    """The spec with as many epochs as fit into the time of the distilled student's training."""
    seconds = (run.history()["seconds"] for run in (distilled, baseline))
    # The first epoch includes the compilation.
    of_distilled, of_baseline = (float(np.median(times[1:] or times)) for times in seconds)
    epochs = max(1, round(spec.training.epochs * of_distilled / of_baseline))
    return dataclasses.replace(
        spec, recipe=spec.recipe.with_values({"student.baseline.epochs": epochs})
    )


def _teacher_logits(spec, split, inputs):
    """The teacher's logits on the training images and on the validation images.

    They are `None` for images that change in each pass: the teacher sees each one as the student
    does. The logits on the validation images lie in the teacher's run.
    """
    if not spec.is_distilled:
        return None, None
    recipe, teacher, logits = spec.recipe, inputs[spec.teacher], None
    if spec.stores_targets:
        store = spec.folder.parent / "soft_targets"
        logits = teacher_of(recipe).logits(teacher, split, store, spec.views)
    if recipe.distillation.soft_targets == "shuffled":
        labels = clean_transfer_set(recipe).labels
        logits = logits[shuffle_within_classes(labels, spec.seed)]
    return logits, teacher.predictions("last", "validation").astype("float32")


def _batches(spec, split, teacher_logits, first_step=0):
    training = spec.training
    return training_pipeline(
        split,
        training.batch_size,
        spec.seed,
        first_step,
        translation=training.translation,
        augmentation=training.augmentation,
        teacher_logits=teacher_logits,
        index=spec.is_distilled,
        views=spec.views and spec.views.count,
    )


def _steps_in_epoch(spec):
    # One pass over the whole training set, even if a student sees only a part of it: all roles
    # take the same number of steps.
    return math.ceil(len(data_of(spec.recipe).train) / spec.training.batch_size)


def _compile(model, spec, steps_per_execution):
    smoothing = 0.0 if spec.is_teacher else spec.recipe.student.label_smoothing
    model.compile(
        optimizer=make_optimizer(spec.training, _steps_in_epoch(spec)),
        loss=CrossEntropy(smoothing),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
        steps_per_execution=steps_per_execution,
    )
    # Makes all variables now, as the metric object above does: a step that makes some is traced
    # twice.
    model.optimizer.build(model.trainable_variables)


def _fit_model(model, best, spec, inputs, on_event):
    folder, steps, split = spec.folder, _steps_in_epoch(spec), spec.split
    logits, of_validation = _teacher_logits(spec, split, inputs)
    validation = data_of(spec.recipe).validation
    _compile(model, spec, _steps_per_execution(steps))
    first_epoch = resume(model, folder, best)
    log = keras.callbacks.CSVLogger(str(folder / "history.csv"), append=first_epoch > 0)
    callbacks = [
        EpochSeconds(),
        best,
        EpochTensorBoard(folder / "tensorboard", write_graph=False),
        log,
        Checkpoint(folder, best),
        EventCallback(on_event, spec.title, steps),
    ]
    if not spec.is_distilled:  # the Distiller has its own
        callbacks.append(StopOnNaN())
    try:
        model.fit(
            _batches(spec, split, logits, first_epoch * steps),
            steps_per_epoch=steps,
            initial_epoch=first_epoch,
            epochs=spec.training.epochs,
            shuffle=False,  # the pipeline shuffles
            validation_data=evaluation_pipeline(validation, 256, of_validation),
            verbose=0,
            callbacks=callbacks,
        )
    finally:
        log.on_train_end()  # closes its file, which Keras does only after a training without error


def _steps_per_execution(steps):
    """How many steps run in one call: a divisor of `steps`, because Keras would run past the epoch.

    The largest divisor up to 64, if it is 16 or more, else the next larger one: MNIST's 422 steps
    run in calls of 211. A dataset of one epoch, whose end Keras respects, takes a fifth of a second
    longer for each epoch.
    """
    if keras.backend.backend() == "torch":
        return 1  # Keras allows no other
    divisors = [number for number in range(1, min(steps, MOST_STEPS) + 1) if steps % number == 0]
    small = [number for number in divisors if number <= 64]
    large = [number for number in divisors if number > 64]
    return small[-1] if small[-1] >= 16 or not large else large[0]


@contextlib.contextmanager
def _precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

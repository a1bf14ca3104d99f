"""`compare`: the whole experiment with one's own teacher, student and data, in one call."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from distill.data import DATASETS, ImageData
from distill.errors import UserError
from distill.experiment import Outcome, run_experiment
from distill.files import replacing
from distill.models import MODELS
from distill.recipes import RECIPES
from distill.training.data import forget_data

MakeStudent = Callable[..., keras.Model]


def compare(
    teacher: keras.Model | str | os.PathLike,
    student: MakeStudent | str | os.PathLike,
    data: ImageData | str | os.PathLike,
    settings: Mapping[str, Any] | None = None,
    runs: str | os.PathLike = "runs",
    console: Console | None = None,
) -> Outcome:
    """Trains a student with and without a teacher, over several seeds, and compares the two.

    It runs the recipe `own-data` with your own models: each student takes the better of two
    learning rates on validation data, and three seeds are trained. Tables, sentences and the report
    are those of `distillation_train.py`. Finished runs are reused when you call it again.

    Args:
        teacher: a trained Keras classifier that can be saved, or its `.keras` file. It takes images
            with values 0 to 255.
        student: a function `(input_shape, classes) -> keras.Model` that makes a new student; a
            name in `distill.models.MODELS`; `"module:function"`; or a `.keras` file.
        data: what `load_data` returns, a folder with a subfolder of images for each class, or the
            name of a data set. `distill.data.with_splits` makes data from arrays.
        settings: other settings by dotted name, such as `{"training.epochs": 5}`.
        runs: the folder under which run folders lie.
        console: where progress and results are printed; by default the terminal.

    Returns:
        The outcome: `results`, `failures` and `page`, the report.

    Raises:
        UserError: the teacher cannot be saved, a name is taken, or what `run_experiment` raises.

    Examples:
        >>> import tempfile
        >>> from distill import load_data
        >>> def small(input_shape, classes):
        ...     layers = [keras.layers.Flatten(), keras.layers.Dense(classes)]
        ...     return keras.Sequential([keras.Input(input_shape), *layers])
        >>> keras.utils.set_random_seed(0)
        >>> digits, teacher = load_data("digits"), small((8, 8, 1), 10)
        >>> teacher.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> _ = teacher.fit(digits.train.images, digits.train.labels, epochs=3, verbose=0)
        >>> quick = {"training.epochs": 1, "experiment.seeds": 1, "experiment.learning_rates": ()}
        >>> folder = tempfile.mkdtemp()
        >>> with open(os.devnull, "w") as nowhere:
        ...     outcome = compare(teacher, small, "digits", quick, folder, Console(file=nowhere))
        >>> len(outcome.results.runs("distilled")), outcome.results.parameters("distilled")
        (1, 650)
    """
    runs = Path(runs)
    values: dict[str, Any] = {"data.name": _data_name(data), "experiment.export": ()}
    values["teacher.file"] = _teacher_file(teacher, runs)
    values |= _student_settings(student)
    recipe = RECIPES["own-data"].with_values(values | dict(settings or {}))
    return run_experiment(recipe, runs, console=console)


def _data_name(data):
    if not isinstance(data, ImageData):
        return os.fspath(data)
    forget_data()  # other data may have had this name
    return _register(DATASETS, data.name, lambda: data, "data set")


def _student_settings(student):
    if callable(student):
        name = re.sub(r"\W", "", getattr(student, "__name__", "")) or "student"
        return {"student.model": _register(MODELS, name, student, "student")}
    name = os.fspath(student)
    return {"student.file" if name.endswith(".keras") else "student.model": name}


_registered: list[Callable] = []


def _register(registry, name, function, what):
    if name in registry and registry[name] not in _registered:
        raise UserError(f"The {what}'s name {name!r} is taken; choose another.")
    registry[name] = function
    _registered.append(function)
    return name


def _teacher_file(teacher, runs):
    """The teacher's file; a model is saved under a name that its layers and weights decide."""
    if not isinstance(teacher, keras.Model):
        return os.fspath(teacher)
    digest = hashlib.sha256()
    try:
        digest.update(json.dumps(teacher.get_config(), sort_keys=True, default=str).encode())
    except NotImplementedError as error:
        raise UserError(
            f"The teacher {teacher.name!r} cannot be saved, because its class has no get_config; "
            "add one, or build the teacher as a functional model."
        ) from error
    for weight in teacher.get_weights():
        digest.update(weight.tobytes())
    path = runs / "teachers" / f"{teacher.name}-{digest.hexdigest()[:10]}.keras"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            teacher.save(temporary)
    return str(path)

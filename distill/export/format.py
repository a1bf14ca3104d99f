"""`Format`: how a kind of file is written, which runtime reads it, and how exact it must be."""

import contextlib
import dataclasses
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from distill.errors import UserError


@dataclasses.dataclass(frozen=True)
class Bounds:
    """How far a file may be from the Keras model on the test set.

    Attributes:
        difference: largest difference of a logit, as a fraction of the largest logit's magnitude
            (or of 1, if that is larger); of a probability, as it is. `None`: any.
        agreement: smallest fraction of images for which both predict the same class.
        accuracy_loss: largest loss of accuracy, as a fraction. One image is always allowed.
    """

    difference: float | None = None
    agreement: float = 0.0
    accuracy_loss: float = 1.0


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of exported files.

    Attributes:
        name: its name on the command line.
        text: what it is, in a few words.
        file: the name of the file or folder in the export's folder.
        runtime: what runs it, a name in `distill.export.runtimes.RUNTIMES`.
        bounds: how exact it must be.
        write: `write(model, path, class_names, images)` writes a deployable Keras model to a path;
            `images` are uint8 training images.
        needs: modules that must be installed, from the extra `export`.
    """

    name: str
    text: str
    file: str
    runtime: str
    bounds: Bounds
    write: Callable[[keras.Model, Path, Sequence[str], np.ndarray], None]
    needs: tuple[str, ...] = ()

    def require_packages(self) -> None:
        """Raises a `UserError` on another backend than TensorFlow, or if a package is missing."""
        if (backend := keras.backend.backend()) != "tensorflow":
            raise UserError(
                f"Keras' backend is {backend!r}, and models are exported on TensorFlow; run "
                f"KERAS_BACKEND=tensorflow python -m distill export RUN --format {self.name}."
            )
        require_modules(f"The format {self.name!r}", self.needs)


def require_modules(what: str, modules: Sequence[str]) -> None:
    """Raises a `UserError` that names the modules of the extra `export` that are missing."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        packages = " ".join(name.replace("_", "-") for name in missing)
        raise UserError(f"{what} needs packages that are missing; run pip install {packages}.")


def unsupported(format: str, operations: Sequence[str], error: Exception) -> UserError:
    """Returns the error for a model that a converter does not take."""
    if operations:
        named = ", ".join(sorted(set(operations)))
        return UserError(
            f"The format {format!r} does not support the operation {named}; build the model "
            "without it, or choose the format saved-model, which supports every operation."
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return UserError(
        f"The model cannot be converted to the format {format!r} ({reason}); choose another "
        "format, for example saved-model."
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drops what converters print; their exceptions still say what went wrong.

    C++ code writes past `sys.stderr`, hence the exchange of the file descriptors.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    level = logging.root.manager.disable
    try:
        logging.disable(logging.ERROR)
        with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        logging.disable(level)
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)

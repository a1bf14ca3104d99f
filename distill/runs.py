"""Run folders: what a finished run holds, and how it is found again.

A run lies in `RUNS/DATASET/ROLE-MODEL-seedN-KEY`, where KEY is a hash of everything that its
result depends on. It is complete when it holds `metrics.json`, which is written last.
"""

import contextlib
import dataclasses
import enum
import hashlib
import importlib.metadata
import itertools
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np

from distill.errors import UserError
from distill.files import (
    damaged,
    file_hash,
    load_model,
    read_arrays,
    read_history,
    read_json,
    write_json,
)

FORMAT = 2  # of a run folder; raised when older folders cannot be read any more
SPLITS = ("validation", "test")
_PACKAGES = ("distill", "tensorflow", "keras", "numpy", "tensorflow-datasets", "scikit-learn")


class Role(str, enum.Enum):
    """What a run trains."""

    TEACHER = "teacher"
    BASELINE = "baseline"
    DISTILLED = "distilled"

    __str__ = str.__str__


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run, with the models of its last epoch and of the best validation accuracy.

    `metrics` holds `parameters`, `seconds` and, under `last` and `best`, the `epoch`, `model_file`
    and what `distill.evaluation.measure` returns for the splits `validation` and `test`. `reused`
    says that the run was complete already.
    """

    role: Role
    seed: int
    key: str
    folder: Path
    metrics: dict[str, Any]
    reused: bool = False

    @property
    def model_file(self) -> Path:
        """The model of the last epoch, a `.keras` file that loads without this package."""
        return self.file_of("last")

    def file_of(self, checkpoint: str) -> Path:
        """Returns the model file of the checkpoint `"last"` or `"best"`."""
        return self.folder / self.metrics[checkpoint]["model_file"]

    def load_model(self, checkpoint: str = "last") -> keras.Model | None:
        """Loads the trained model; `None` if the run holds only predictions."""
        return load_model(self.file_of(checkpoint)) if self.has_model else None

    @property
    def has_model(self) -> bool:
        """Whether there is a model; a teacher may be a file of predictions."""
        return self.metrics["parameters"] is not None

    def predictions(self, checkpoint: str, split: str) -> np.ndarray:
        """Returns the logits on `"validation"` or `"test"`: float64, `(examples, classes)`."""
        if self.metrics["best"]["epoch"] == self.metrics["last"]["epoch"]:
            checkpoint = "last"
        return self._array(f"{checkpoint}_{split}").astype("float64")

    def labels(self, split: str) -> np.ndarray:
        """Returns the labels of a split, in the order of the predictions."""
        return self._array(f"{split}_labels")

    def _array(self, name):
        path = self.folder / "predictions.npz"
        arrays = read_arrays(path)
        if name not in arrays:
            raise damaged(path)
        return arrays[name]

    def history(self) -> dict[str, list[float]]:
        """Returns each logged value by name, one number for each epoch."""
        return read_history(self.folder / "history.csv")

    def class_names(self) -> tuple[str, ...]:
        """Returns the name of each class; nothing for a run of an older version."""
        return tuple(self.settings().get("class_names", ()))

    def settings(self) -> dict[str, Any]:
        """Returns what the run was made from: `recipe`, `identity`, `versions` and so on."""
        return read_settings(self.folder)


def key_of(identity: dict) -> str:
    """Returns the key of a run: a hash of everything that its result depends on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]


def run_folder(runs: Path, dataset: str, label: str, seed: int, identity: dict) -> Path:
    """Returns the folder of the run that depends on exactly `identity`."""
    place, label = (re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") for name in (dataset, label))
    return Path(runs) / (place or "data") / f"{label}-seed{seed}-{key_of(identity)}"


def completed(folder: Path, identity: dict) -> Run | None:
    """Returns the complete run of `identity` in its folder, or `None` if there is none."""
    return open_run(folder, identity)


def open_run(folder: Path, identity: dict | None = None) -> Run | None:
    """Returns the complete run in a folder, or `None` if there is none.

    A `UserError` names what is damaged, has another format, or was not made from `identity`.
    """
    if not (folder / "metrics.json").exists():
        return None
    settings, metrics = read_settings(folder), read_json(folder / "metrics.json")
    found = settings["identity"]
    try:
        seed = settings["recipe"]["experiment"]["first_seed"]
        run = Run(Role(found["role"]), seed, key_of(found), folder, metrics, reused=True)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(folder / "settings.json") from error
    try:
        kept = [metrics[checkpoint] for checkpoint in ("last", "best")]
        accuracies = [each[split]["accuracy"] for each in kept for split in SPLITS]
        hashes = {folder / each["model_file"]: each["model_sha256"] for each in kept}
    except (KeyError, TypeError) as error:
        raise damaged(folder / "metrics.json") from error
    if not all(isinstance(accuracy, float) for accuracy in accuracies):
        raise damaged(folder / "metrics.json")
    for path, wanted in hashes.items():
        if not path.exists() or file_hash(path) != wanted:
            raise damaged(path)
    if identity not in (None, found):
        raise UserError(
            f"The run folder {folder} was made with other settings than its name says; move it "
            "away, or train again with --retrain."
        )
    return run


def read_settings(folder: Path) -> dict[str, Any]:
    """Reads what a run was made from; refuses a damaged file and another format."""
    path = folder / "settings.json"
    settings = read_json(path)
    if not isinstance(settings, dict):
        raise damaged(path)
    if (found := settings.get("format", 1)) != FORMAT:
        raise UserError(
            f"The run in {folder} has format {found}, and this version of distill reads format "
            f"{FORMAT}; use the version that made it, or train again."
        )
    if not isinstance(settings.get("identity"), dict):
        raise damaged(path)
    return settings


def taught_by(run: Run) -> Run | None:
    """Returns the run whose model taught a distilled student, if it is there."""
    key = run.settings()["identity"].get("teacher")
    for folder in run.folder.parent.glob(f"*-{key}"):
        return open_run(folder)
    return None


def set_aside(folder: Path) -> Path | None:
    """Renames an older run out of the way, to the same name with `~1`, `~2`, …"""
    if not folder.exists():
        return None
    numbered = (folder.with_name(f"{folder.name}~{number}") for number in itertools.count(1))
    return folder.rename(next(older for older in numbered if not older.exists()))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder; refuses a second process that would train the same run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            yield
    except filelock.Timeout as error:
        raise UserError(
            f"Another process is training the run in {folder}; wait for it, or choose another "
            "folder with --runs."
        ) from error


def write_settings(
    folder: Path, recipe: dict, identity: dict, class_names: Sequence[str] = ()
) -> None:
    """Writes down what a run is made from, before it starts; class names are for its users."""
    packages = dict.fromkeys([*_PACKAGES, keras.backend.backend()])
    settings = {
        "format": FORMAT,
        "identity": identity,
        "class_names": [*class_names],
        "recipe": recipe,
        "versions": {"python": platform.python_version(), **dict(map(_version, packages))},
        "git_commit": _git_commit(),
        "command": sys.argv,
    }
    write_json(folder / "settings.json", settings)


def _version(name):
    try:
        return name, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return name, None


def _git_commit():
    """The commit of the code that runs, with `+changes` if files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40"]
    command += ["--dirty=+changes", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

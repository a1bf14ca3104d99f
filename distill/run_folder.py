"""The folder of a run: what it holds, how a later run finds it, and that nothing in it is lost.

A run lies in `RUNS/DATASET/ROLE-MODEL-seedN-KEY`, where KEY is a hash of everything that its
result depends on. It is complete when it holds `metrics.json`, which is written last.
"""

import contextlib
import csv
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np

from distill.errors import UserError

_PACKAGES = ("distill", "tensorflow", "keras", "numpy", "tensorflow-datasets", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of one model from one recipe and one seed.

    Of the models of all its epochs two are kept: that of the last, and that of the one with the
    highest validation accuracy.

    Attributes:
        role: `"teacher"`, `"student"` (from labels) or `"distilled"`.
        seed: the seed of its initial weights, data order and dropout.
        key: hash of everything that its result depends on; of a teacher file, of its bytes.
        folder: where it lies.
        metrics: what it was worth: `parameters`, `seconds`, and under `last` and `best` the
            `epoch`, `model_file`, and what `distill.evaluation.measure` gives for the splits
            `validation` and `test`.
        reused: whether it was complete already.
    """

    role: str
    seed: int
    key: str
    folder: Path
    metrics: dict[str, Any]
    reused: bool = False

    @property
    def model_file(self) -> Path:
        """The model of the last epoch, a `.keras` file that loads without this package."""
        return self.file_of("last")

    def file_of(self, epoch: str) -> Path:
        """Returns the model file of the `"last"` or the `"best"` epoch."""
        return self.folder / self.metrics[epoch]["model_file"]

    def load_model(self, epoch: str = "last") -> keras.Model:
        """Loads the trained model."""
        return load_model(self.file_of(epoch))

    def predictions(self, epoch: str, split: str) -> np.ndarray:
        """Returns the logits on a split, `"validation"` or `"test"`, float64 `(examples, classes)`.

        Raises:
            UserError: the file that keeps them is missing or damaged.
        """
        if self.metrics["best"]["epoch"] == self.metrics["last"]["epoch"]:
            epoch = "last"
        return self._array(f"{epoch}_{split}").astype("float64")

    def labels(self, split: str) -> np.ndarray:
        """Returns the labels of a split, in the order of the predictions."""
        return self._array(f"{split}_labels")

    def _array(self, name):
        path = self.folder / "predictions.npz"
        arrays = read_arrays(path)
        if name not in arrays:
            raise _damaged(path)
        return arrays[name]

    def history(self) -> dict[str, list[float]]:
        """Returns each logged value by name, one number for each epoch."""
        return read_history(self.folder / "history.csv")


def key_of(identity: dict) -> str:
    """Returns the key of a run: a hash of everything that its result depends on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]


def run_folder(runs: Path, dataset: str, label: str, seed: int, identity: dict) -> Path:
    """Returns the folder of the run that depends on exactly `identity`."""
    place = re.sub(r"[^A-Za-z0-9_.-]+", "-", dataset).strip("-.") or "data"
    return Path(runs) / place / f"{label}-seed{seed}-{key_of(identity)}"


def completed(folder: Path, role: str, seed: int, identity: dict) -> Run | None:
    """Returns the complete run in `folder`, or `None` where there is none."""
    if not (folder / "metrics.json").exists():
        return None
    if _identity_in(folder) != identity:
        raise UserError(
            f"The run folder {folder} was made with other settings than its name says; move it "
            "away, or train anew with --fresh."
        )
    run = Run(role, seed, key_of(identity), folder, read_json(folder / "metrics.json"), reused=True)
    for epoch in ("last", "best"):
        try:
            path, wanted = run.file_of(epoch), run.metrics[epoch]["model_sha256"]
        except (KeyError, TypeError) as error:
            raise _damaged(folder / "metrics.json") from error
        if not path.exists() or file_hash(path) != wanted:
            raise _damaged(path)
    return run


def open_run(folder: Path) -> Run | None:
    """Returns the complete run in a folder, whatever it was made from; `None` where there is none.

    Raises:
        UserError: the run is damaged.
    """
    if not (folder / "metrics.json").exists():
        return None
    settings = read_json(folder / "settings.json")
    try:
        identity, seed = settings["identity"], settings["recipe"]["seed"]
        run = completed(folder, identity["role"], seed, identity)
    except (KeyError, TypeError) as error:
        raise _damaged(folder / "settings.json") from error
    measured = [run.metrics[epoch].get(split) for epoch in ("last", "best")
                for split in ("validation", "test")]  # fmt: skip
    if not all(isinstance(each, dict) and "accuracy" in each for each in measured):
        raise _damaged(folder / "metrics.json")
    return run


def _identity_in(folder):
    try:
        return read_json(folder / "settings.json")["identity"]
    except (KeyError, TypeError) as error:
        raise _damaged(folder / "settings.json") from error


def taught_by(run: Run) -> Run | None:
    """Returns the run that taught a distilled student, an assistant perhaps, if it is there."""
    identity = _identity_in(run.folder)
    for folder in run.folder.parent.glob(f"*-{identity.get('teacher')}"):
        return open_run(folder)
    return None


def set_aside(folder: Path) -> Path | None:
    """Renames an older run out of the way, to the same name with `~1`, `~2`, …"""
    if not folder.exists():
        return None
    number = 1
    while (older := folder.with_name(f"{folder.name}~{number}")).exists():
        number += 1
    return folder.rename(older)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder against a second process that would train the same run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            yield
    except filelock.Timeout as error:
        raise UserError(
            f"Another process is training the run in {folder}; wait for it, or choose another "
            "folder with --runs."
        ) from error


def write_settings(folder: Path, recipe: dict, identity: dict) -> None:
    """Writes down what the run is made from, before it starts."""
    versions = {name: _version(name) for name in _PACKAGES}
    settings = {
        "identity": identity,
        "recipe": recipe,
        "versions": {"python": platform.python_version(), **versions},
        "git_commit": _git_commit(),
        "command": sys.argv,
    }
    write_json(folder / "settings.json", settings)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file under a temporary name and renames it."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name of the same suffix; renames it to `path` at the end."""
    temporary = path.with_name(f".partial-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Reads a JSON file of a run, or says that it is damaged."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path) from error


def read_history(path: Path) -> dict[str, list[float]]:
    """Reads the history that a run logged, or says that it is damaged."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}
    except (OSError, IndexError, TypeError, ValueError) as error:
        raise _damaged(path) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads an `.npz` file whole, or says that it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path) from error


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Writes an `.npz` file under a temporary name and renames it."""
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _damaged(path):
    return UserError(
        f"The file {path} is missing or damaged; move its folder away, or train anew with --fresh."
    )


def load_model(path: Path | str) -> keras.Model:
    """Loads a Keras model that somebody handed over.

    Args:
        path: a `.keras` file. Files that would run code when they are loaded are refused.

    Returns:
        The model.

    Raises:
        UserError: the file is missing, damaged or not a Keras model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no model file {path}; give the path of a .keras file.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"The model file {path} cannot be loaded ({reason}); give a .keras file saved by Keras "
            f"{keras.__version__} or older, without custom code."
        ) from error
    if not isinstance(model, keras.Model):
        raise UserError(f"The file {path} holds {type(model).__name__}, not a keras.Model.")
    return model


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit():
    """The commit of the code that runs, with `+changes` where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40"]
    try:
        found = subprocess.run(
            [*command, "--dirty=+changes", "--exclude=*"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

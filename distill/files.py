"""Files that are written whole or not at all.

A file that is missing or damaged is a `UserError` of one sentence.
"""

import contextlib
import csv
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from distill.errors import UserError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name with the same suffix, and renames it to `path` at the end."""
    temporary = path.with_name(f".partial-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder beside `path`, and renames it to `path` at the end.

    A folder that is there already is replaced. After an error nothing has changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".partial-{path.name}-", dir=path.parent))
    try:
        new, old = place / "new", place / "old"
        new.mkdir()
        yield new
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def read_history(path: Path) -> dict[str, list[float]]:
    """Reads the values that a training logged: by name, one number for each epoch."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}
    except (OSError, IndexError, TypeError, ValueError) as error:
        raise damaged(path) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an `.npz` file."""
    try:
        # NumPy leaves a damaged file open if it has opened the file itself.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(path) from error


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Writes an `.npz` file."""
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damaged(path: Path) -> UserError:
    """Returns the error for a file of a run that is missing or damaged."""
    return UserError(
        f"The file {path} is missing or damaged; move its folder away, or train again with "
        "--retrain."
    )


def input_size(path: Path | str) -> int | None:
    """Returns the height and width of a `.keras` file's inputs, if they are fixed and equal."""
    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
        _, height, width, _ = layers[0]["config"]["batch_shape"]
    except (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile):
        return None  # loading it will say what is wrong with the file
    return height if height == width else None


def model_path(path: Path | str) -> Path:
    """Returns the path of a model file that is there."""
    if not Path(path).is_file():
        raise UserError(f"There is no model file {path}; give the path of a .keras file.")
    return Path(path)


def load_model(path: Path | str) -> keras.Model:
    """Loads a model from a `.keras` file; refuses one that would run code while it is loaded."""
    path = model_path(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged file
        if lambdas := _lambdas_in(path):
            raise UserError(
                f"The model file {path} has Lambda layers ({', '.join(map(repr, lambdas))}), whose "
                "Python code is not safe to load; replace each by a built-in layer and save again."
            ) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if path.stat().st_size == 0:
            reason = "it is empty"
        elif path.suffix == ".keras" and not zipfile.is_zipfile(path):
            reason = "it is no zip archive, as .keras files are, or only a part of one"
        raise UserError(
            f"The model file {path} cannot be loaded ({reason}); give a .keras file saved by Keras "
            f"{keras.__version__} or older, without custom code."
        ) from error
    if not isinstance(model, keras.Model):
        raise UserError(f"The file {path} holds {type(model).__name__}, not a keras.Model.")
    return model


def _lambdas_in(path):
    """The names of the `Lambda` layers in a `.keras` file, which runs no code to find them."""

    def found(value):
        if isinstance(value, dict):
            if value.get("class_name") == "Lambda" and isinstance(value.get("config"), dict):
                yield str(value["config"].get("name", "lambda"))
            value = [*value.values()]
        for each in value if isinstance(value, list) else ():
            yield from found(each)

    try:
        with zipfile.ZipFile(path) as archive:
            return [*found(json.loads(archive.read("config.json")))]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return []

"""A teacher's predictions in a file: CSV, Parquet or NumPy, from any program."""

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from keras import ops

from distill.distiller.targets import logits_of_probabilities
from distill.errors import UserError
from distill.files import read_arrays
from distill.models.logits import are_probabilities

ID_COLUMNS = ("id", "image")


class Predictions(NamedTuple):
    """Logits `(examples, classes)` by the ids of the examples."""

    ids: np.ndarray
    logits: np.ndarray
    are_probabilities: bool  # whether the file held probabilities, whose logarithms these are

    def of(self, ids: np.ndarray, what: str) -> np.ndarray:
        """Returns the logits of some examples, in their order; `what` names them in errors."""
        places = {name: place for place, name in enumerate(self.ids.tolist())}
        missing = [name for name in ids.tolist() if name not in places]
        if missing:
            raise UserError(
                f"The predictions lack {len(missing):,} of {len(ids):,} {what} (such as "
                f"{missing[0]!r}); add a row for each."
            )
        return self.logits[[places[name] for name in ids.tolist()]]


def read_predictions(path: Path | str, class_names: Sequence[str]) -> Predictions:
    """Reads a teacher's predictions from a file.

    A CSV or Parquet file has a column `id` (or `image`) and one column for each class, in any
    order. An `.npz` file has the arrays `ids`, `classes` (the names of the columns) and either
    `logits` or `probabilities`. Rows of a table that are never negative and sum to 1 are
    probabilities; all others are logits. A probability `p` becomes the logit `log(max(p, tiny))`.

    Args:
        path: the file; its name ends in `.csv`, `.parquet` or `.npz`.
        class_names: the classes, in the order of the logits.

    Raises:
        UserError: the file cannot be read, classes are missing or unknown, an id appears twice, a
            value is no finite number, or some rows are probabilities and some are not.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "teacher.csv")
        >>> _ = path.write_text("id,dog,cat\\ntrain/0,0.2,0.8\\ntrain/1,0.9,0.1\\n")
        >>> predictions = read_predictions(path, ["cat", "dog"])
        >>> np.exp(predictions.logits).round(1), predictions.are_probabilities
        (array([[0.8, 0.2],
               [0.1, 0.9]], dtype=float32), True)
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"There is no file of predictions {path}; give a .csv, .parquet or .npz file."
        )
    if path.suffix not in _READERS:
        raise UserError(
            f"The file of predictions {path} ends in {path.suffix!r}, and must end in "
            f"{', '.join(_READERS)}."
        )
    ids, columns, values, kind = _READERS[path.suffix](path)
    values = _in_order(values, columns, [*class_names], path)
    if len(ids) != len(values):
        raise UserError(f"The file {path} has {len(ids)} ids for {len(values)} rows of values.")
    if not len(ids):
        raise UserError(f"The file {path} has no rows; every example needs one.")
    names, counts = np.unique(ids, return_counts=True)
    if counts.max() > 1:
        raise UserError(
            f"The file {path} has the id '{names[counts.argmax()]}' {counts.max()} times; keep one "
            "row for each."
        )
    broken = ids[~np.isfinite(values).all(axis=1)]
    if len(broken):
        raise UserError(
            f"The file {path} has NaN or infinity in the row of '{broken[0]}'; every example needs "
            "a number for each class."
        )
    is_probable = _are_probabilities(values, ids, kind, path)
    if is_probable:
        values = np.asarray(logits_of_probabilities(values))
    return Predictions(ids, values.astype("float32"), is_probable)


def _in_order(values, columns, class_names, path):
    for found, wanted, word in (
        (class_names, columns, "lacks the class"),
        (columns, class_names, "has the unknown class"),
    ):
        if others := [name for name in found if name not in wanted]:
            raise UserError(
                f"The file {path} {word} {others[0]!r}; it needs one column for each of "
                f"{', '.join(class_names[:10])}{', …' if len(class_names) > 10 else ''}."
            )
    if len(columns) != len(class_names) or values.ndim != 2 or values.shape[1] != len(columns):
        raise UserError(
            f"The file {path} has values of shape {values.shape} for {len(columns)} columns; it "
            f"needs one column for each of {len(class_names)} classes."
        )
    return values[:, [columns.index(name) for name in class_names]]


def _are_probabilities(values, ids, kind, path):
    rows = np.asarray(are_probabilities(ops.convert_to_tensor(values.astype("float32"))))
    if kind == "logits" or not rows.any():
        if kind == "probabilities":
            raise UserError(
                f"The file {path} calls its values probabilities, and its rows do not sum to 1; "
                "store them as logits."
            )
        return False
    if rows.all():
        return True
    if kind == "probabilities" or rows.mean() > 0.5:
        raise UserError(
            f"The file {path} has rows of probabilities, and the row of '{ids[~rows][0]}' does not "
            "sum to 1 or has negative values; correct it."
        )
    return False


def _read_csv(path):
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise UserError(f"The file {path} cannot be read as CSV ({error}); repair it.") from error
    place = _id_place(header, path)
    for row in rows:
        if len(row) != len(header):
            raise UserError(
                f"The file {path} has {len(row)} values in the row of {row[0]!r} and "
                f"{len(header)} columns; correct the row."
            )
    ids = np.array([row.pop(place) for row in rows], str)
    header.pop(place)
    try:
        values = np.array(rows, "float64").reshape(len(rows), len(header))
    except ValueError as error:
        raise UserError(
            f"The file {path} has a value that is no number ({error}); correct it."
        ) from None
    return ids, header, values, None


def _read_parquet(path):
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            f"Reading {path} needs a package that is missing; run pip install pyarrow, or store "
            "the predictions as CSV."
        )
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        place = _id_place(table.column_names, path)
        ids = np.array(table.column(place).to_pylist(), str)
        others = [name for number, name in enumerate(table.column_names) if number != place]
        columns = [table.column(name).to_numpy().astype("float64") for name in others]
    except (OSError, ValueError, TypeError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"The file {path} cannot be read as Parquet ({reason}).") from error
    return ids, others, np.stack(columns, axis=1) if columns else np.empty((len(ids), 0)), None


def _read_npz(path):
    arrays = read_arrays(path)
    kinds = [name for name in ("logits", "probabilities") if name in arrays]
    if not {"ids", "classes"} <= set(arrays) or len(kinds) != 1:
        raise UserError(
            f"The file {path} has the arrays {', '.join(arrays) or 'none'}, and needs ids, classes "
            "and either logits or probabilities."
        )
    values = arrays[kinds[0]].astype("float64")
    return arrays["ids"].astype(str), arrays["classes"].astype(str).tolist(), values, kinds[0]


def _id_place(header, path):
    found = [place for place, name in enumerate(header) if name in ID_COLUMNS]
    if not found:
        raise UserError(
            f"The file {path} has the columns {', '.join(header[:5])}, and needs one named id."
        )
    return found[0]


_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}

"""A split as a CSV file that people can read, keep and give again: `image,class,split`."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from distill.data.dataset import ImageData
from distill.errors import UserError
from distill.files import write_text

COLUMNS = ("image", "class", "split")
SPLITS = ("train", "validation", "test")


def write_split(path: Path, data: ImageData) -> None:
    """Writes which images of a data set are in which split, sorted by image.

    A file that says the same already is left alone.

    Args:
        path: the CSV file.
        data: a data set whose examples have ids.
    """
    rows = sorted(
        (str(name), data.class_names[label], split_name)
        for split_name, split in data.splits.items()
        for name, label in zip(np.asarray(split.ids), split.labels.tolist(), strict=True)
    )
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    text = file.getvalue()
    if not path.exists() or path.read_bytes() != text.encode():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)


def read_split(path: str | os.PathLike) -> dict[str, str]:
    """Returns the split of each image from a CSV file with the columns `image` and `split`.

    Raises:
        UserError: the file cannot be read as such a table, names an image twice, or has another
            split than `train`, `validation` and `test`, or not all of them.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or []
            rows = [(row.get("image"), row.get("split")) for row in reader]
    except FileNotFoundError:
        raise UserError(f"There is no split file {path}; give the path of a CSV file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"The split file {path} cannot be read as CSV ({error}); repair it."
        ) from error
    if not {"image", "split"} <= {*columns}:
        raise UserError(
            f"The split file {path} has the columns {', '.join(columns) or 'none'}, and needs "
            "image and split."
        )
    found: dict[str, str] = {}
    for number, (image, split) in enumerate(rows, start=2):
        if not image or split not in SPLITS:
            raise UserError(
                f"Line {number} of the split file {path} has the image {image!r} and the split "
                f"{split!r}; name an image, and one of {', '.join(SPLITS)}."
            )
        if image in found:
            raise UserError(
                f"The split file {path} names the image {image!r} twice; remove one line."
            )
        found[image] = split
    if missing := [name for name in SPLITS if name not in found.values()]:
        raise UserError(
            f"The split file {path} has no image in the split {missing[0]!r}; each of "
            f"{', '.join(SPLITS)} needs some."
        )
    return found


def splits_of(ids: np.ndarray, named: Mapping[str, str], path: str | os.PathLike) -> np.ndarray:
    """Returns the split of each image; the file and the folder must have the same images.

    Args:
        ids: the images in the folder.
        named: what `read_split` returned.
        path: the file, for messages.
    """
    known = set(ids.tolist())
    new = sorted(known - set(named))
    gone = sorted(set(named) - known)
    if gone:
        raise UserError(
            f"The split file {path} names {_some(gone)}, which the folder does not have or which "
            "cannot be read; remove these lines from the file."
        )
    if new:
        raise UserError(
            f"The folder has {_some(new)}, which the split file {path} does not name; add a line "
            "for each, such as NAME,CLASS,train."
        )
    return np.array([named[name] for name in ids.tolist()], object)


def _some(names):
    images = f"{len(names):,} image{'s' * (len(names) > 1)}"
    return f"{images} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"

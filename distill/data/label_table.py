"""Images with several labels each, from a CSV file with a column for each label."""

import csv
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from distill.data.images import require_memory, resize, to_array
from distill.data.split_file import SPLITS
from distill.errors import UserError


class LabelTable(NamedTuple):
    """Images and their labels.

    Attributes:
        ids: the images' names in the CSV file.
        images: uint8 `(examples, image_size, image_size, 3)`.
        labels: float32 `(examples, labels)`, 1 where an image has the label and else 0.
        names: the names of the labels.
    """

    ids: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


def load_label_table(
    path: str | os.PathLike, image_size: int = 96, split: str | None = None
) -> LabelTable:
    """Loads images that have several labels each.

    The CSV file has a column `image`, with paths from the file's folder on, and a column for each
    label, with 1 where the image has it and 0 where it has not. It may have a column `split`.

    Args:
        path: the CSV file.
        image_size: height and width to which the images are resized, in pixels.
        split: load only the rows with this value in the column `split`: `"train"`,
            `"validation"` or `"test"`. `None` loads all rows.

    Raises:
        UserError: the file cannot be read, a value is neither 0 nor 1, or an image cannot be read.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (20, 30)).save(folder / "a.png")
        >>> _ = (folder / "labels.csv").write_text("image,night,beach\\na.png,1,0\\n")
        >>> table = load_label_table(folder / "labels.csv", image_size=16)
        >>> table.images.shape, table.names, table.labels.tolist()
        ((1, 16, 16, 3), ('night', 'beach'), [[1.0, 0.0]])
    """
    path = Path(path)
    header, rows = _read(path)
    if split is not None:
        if split not in SPLITS or "split" not in header:
            raise UserError(
                f"There is no split {split!r} in {path}; give one of {', '.join(SPLITS)}, and a "
                "column split in the file."
            )
        rows = {number: row for number, row in rows.items() if row["split"] == split}
    names = tuple(name for name in header if name not in ("image", "split"))
    if not rows or not names:
        raise UserError(
            f"The file {path} has {len(rows)} images and {len(names)} labels; give it at least one "
            "of each."
        )
    labels = [
        [_label(row[name], name, number, path) for name in names] for number, row in rows.items()
    ]
    require_memory(len(rows), (image_size, image_size, 3))
    images = [_image(path.parent / row["image"], image_size) for row in rows.values()]
    ids = np.array([row["image"] for row in rows.values()])
    return LabelTable(ids, np.stack(images), np.array(labels, "float32"), names)


def _read(path):
    """The header, and the rows by the number of their line."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = dict(enumerate(reader, start=2))
            header = [*(reader.fieldnames or [])]
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; give the path of a CSV file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The file {path} cannot be read as CSV ({error}); repair it.") from error
    if "image" not in header or len(set(header)) < len(header):
        raise UserError(
            f"The file {path} has the columns {', '.join(header) or 'none'}; it needs one named "
            "image, and each only once."
        )
    for number, row in rows.items():
        if None in row or None in row.values():
            raise UserError(
                f"Line {number} of {path} does not have {len(header)} values, as its header has; "
                "correct it."
            )
    return header, rows


def _label(text, name, number, path):
    if text.strip() not in ("0", "1"):
        raise UserError(
            f"Line {number} of {path} has {text!r} for the label {name!r}; write 1 where the image "
            "has it, and 0 where it has not."
        )
    return float(text)


def _image(path, image_size):
    try:
        with Image.open(path) as image:
            return resize(to_array(image), image_size).numpy()
    except FileNotFoundError:
        raise UserError(f"There is no image {path}; correct its name in the CSV file.") from None
    except Exception as error:  # Pillow's decoders raise many kinds of error for damaged bytes
        raise UserError(f"The image {path} cannot be read; remove it from the CSV file.") from error

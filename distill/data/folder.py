"""A folder of images, one subfolder for each class, read into memory."""

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from distill.data.dataset import ImageData, Split, with_splits
from distill.data.images import auto_size, oriented_size, require_memory, resize, to_array
from distill.data.split_file import read_split, splits_of
from distill.errors import UserError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
UNREADABLE = ("refuse", "skip")
CALTECH_256 = "256_ObjectCategories"  # the folder in its archive
_NUMBERED = re.compile(r"(\d{3})\.(.+)")  # its class folders: 001.ak47 to 257.clutter


def load_folder(
    path: str | Path,
    image_size: int | str | None = None,
    unreadable: str = "refuse",
    split: str | os.PathLike | None = None,
) -> ImageData:
    """Loads a folder that has one subfolder of images for each class.

    The sorted names of the subfolders are the class names. Images may lie in deeper folders. The
    function ignores hidden files and files that are not images. Every image becomes RGB, and
    upright if its EXIF data say how it was held. The test split gets 20 % of the images, and the
    validation split 10 % of the others.

    A folder whose subfolders are `train`, `test` and perhaps `validation` (or `val`), each with a
    subfolder for each class, keeps these splits. Without `test`, `validation` is the test split, as
    in TFDS.

    It reads Caltech-256 (Griffin, Holub and Perona 2007) as unpacked, with class folders `001.ak47`
    to `257.clutter`. Class names lose their numbers. Only images that carry the number of their
    class and lie directly in its folder count (`001.ak47/001_0001.jpg`); the archive holds a few
    others. The same holds for any folder with such numbers throughout. Clutter is a class like the
    others; `distill.data.restrict_classes` removes it.

    Args:
        path: the folder.
        image_size: height and width of the resized images in pixels. `None` if all images have the
            same size; `"auto"` as in `load_data`.
        unreadable: `"refuse"` raises an error for unreadable files. `"skip"` ignores them and names
            them in `ImageData.skipped`.
        split: a CSV file that says in which split each image is, as
            `distill.data.split_file.write_split` writes it; by default images are drawn.

    The ids of the examples are the paths of their files in the folder.

    Raises:
        UserError: the folder does not have this structure, or files are unreadable.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for i in range(40):
        ...     name = folder / ("cat" if i % 2 else "dog") / f"{i}.png"
        ...     name.parent.mkdir(exist_ok=True)
        ...     Image.new("RGB", (8, 8)).save(name)
        >>> load_folder(folder).class_names
        ('cat', 'dog')
    """
    if unreadable not in UNREADABLE:
        raise UserError(f"unreadable={unreadable!r} is not allowed: give 'refuse' or 'skip'.")
    named = read_split(split) if split is not None else None
    root = Path(path).expanduser()
    class_names, files, labels, splits = _find(root)
    with ThreadPoolExecutor() as pool:
        size = image_size
        if isinstance(size, str):  # AUTO
            size = auto_size(*_sizes(root, files, pool))
        shape = (size, size) if size else _one_size(root, files, pool)
        require_memory(len(files), (*shape, 3))
        images = np.empty((len(files), *shape, 3), np.uint8)

        def decode(index: int, image: Image.Image) -> None:
            pixels = to_array(image, 3)
            if size:
                with tf.device("CPU"):
                    pixels = resize(pixels, size).numpy()
            images[index] = pixels

        readable = np.array(_open_all(pool, files, decode))
    skipped = [
        _relative(file, root) for file, good in zip(files, readable, strict=True) if not good
    ]
    if skipped and unreadable == "refuse":
        raise UserError(
            f"{len(skipped)} of {len(files)} images in {root} cannot be read ({_some(skipped)}): "
            "repair or remove them, or ignore them with unreadable='skip'."
        )
    ids = np.array([_relative(file, root) for file in files])
    if skipped:
        images, labels, splits, ids = (each[readable] for each in (images, labels, splits, ids))
    if named is not None and split is not None:
        splits = splits_of(ids, named, split)
    for label, name in enumerate(class_names):
        if label not in labels[splits == "train"]:
            raise UserError(
                f"No image of class {name!r} in {root} can be read: repair the files or remove the "
                "folder."
                if named is None
                else f"The split file {split} has no training image of class {name!r}; give it one."
            )
    everything = Split(images, labels, ids)
    found = {name: everything.take(splits == name) for name in set(splits)}
    test = found.get("test")
    validation = found.get("validation")
    if test is None:
        test, validation = validation, None
    name = root.resolve().name
    return with_splits(name, class_names, found["train"], test, skipped, validation)


def _find(root: Path) -> tuple[list[str], list[Path], np.ndarray, np.ndarray]:
    """Returns the class names, and of each image its file, its label and its split."""
    folders = _split_folders(root)
    if not folders:
        names, files, labels = _find_classes(root)
        return names, files, labels, np.full(len(files), "train", object)
    names, files, labels = _find_classes(folders.pop("train"))
    splits = ["train"] * len(files)
    for split, folder in folders.items():
        other_names, other_files, other_labels = _find_classes(folder)
        if unknown := sorted(set(other_names) - set(names)):
            raise UserError(
                f"{folder} has classes that the training images do not have "
                f"({_some(unknown)}): give every split the same subfolders."
            )
        numbers = np.array([names.index(name) for name in other_names], np.int32)
        files, labels = files + other_files, np.concatenate([labels, numbers[other_labels]])
        splits += [split] * len(other_files)
    return names, files, labels, np.array(splits, object)


def _split_folders(root: Path) -> dict[str, Path]:
    """Returns the folders of splits by the name of the split, if `root` has such and no others."""
    if not root.is_dir():
        return {}
    entries = [entry for entry in root.iterdir() if entry.is_dir() and entry.name[:1] != "."]
    if not entries or not {entry.name.lower() for entry in entries} <= set(SPLIT_NAMES):
        return {}
    folders = {SPLIT_NAMES[entry.name.lower()]: entry for entry in sorted(entries)}
    if len(folders) < len(entries) or "train" not in folders or len(folders) < 2:
        raise UserError(
            f"The subfolders of {root} ({_some(sorted(entry.name for entry in entries))}) are "
            "splits: give train, and test or validation or both, each with a subfolder of images "
            "for each class."
        )
    return folders


def _find_classes(root: Path) -> tuple[list[str], list[Path], np.ndarray]:
    if not root.exists() and root.name == CALTECH_256:
        raise UserError(
            f"There is no folder {root.absolute()}: unpack Caltech-256's archive, "
            f"{CALTECH_256}.tar, there, or give the folder where it is unpacked (--dataset)."
        )
    if not root.exists():
        raise UserError(f"There is no folder {root}: give one with a subfolder for each class.")
    if not root.is_dir():
        raise UserError(f"{root} is a file: give a folder with a subfolder for each class.")
    folders = sorted(
        (entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")),
        key=lambda folder: folder.name,
    )
    if len(folders) == 1 and any(entry.is_dir() for entry in folders[0].iterdir()):
        raise UserError(f"{root} holds only one folder: give that one, {folders[0]}.")
    if len(folders) < 2:
        raise UserError(
            f"{root} has {len(folders) or 'no'} subfolder: give a folder with a subfolder of "
            "images for each of at least 2 classes."
        )
    names, found = _as_caltech_256(folders) or (
        [folder.name for folder in folders],
        [images_in(folder) for folder in folders],
    )
    empty = [folder.name for folder, files in zip(folders, found, strict=True) if not files]
    if empty:
        raise UserError(
            f"{len(empty)} of {len(folders)} subfolders of {root} hold no images ({_some(empty)}): "
            f"add images ({', '.join(sorted(SUFFIXES))}) or remove these subfolders."
        )
    labels = np.repeat(np.arange(len(found), dtype=np.int32), [len(files) for files in found])
    return names, list(chain.from_iterable(found)), labels


def _as_caltech_256(folders: list[Path]) -> tuple[list[str], list[list[Path]]] | None:
    """Returns class names and images, if folders and images have numbers as in the archive."""
    numbered = [match for folder in folders if (match := _NUMBERED.fullmatch(folder.name))]
    if len(numbered) < len(folders):
        return None
    names = [match[2] for match in numbered]
    found = [
        sorted(folder.glob(f"{match[1]}_*.jpg"))
        for folder, match in zip(folders, numbered, strict=True)
    ]
    return (names, found) if all(found) and len(set(names)) == len(names) else None


def images_in(folder: Path) -> list[Path]:
    """Returns the image files in a folder and in deeper ones, sorted, without hidden files."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    ]


def _sizes(root: Path, files: list[Path], pool: ThreadPoolExecutor) -> list[tuple[int, int]]:
    """Returns the different widths and heights of the images."""
    sizes: list[tuple[int, int] | None] = [None] * len(files)

    def measure(index: int, image: Image.Image) -> None:
        sizes[index] = oriented_size(image)

    _open_all(pool, files, measure)
    different = sorted({size for size in sizes if size})
    if not different:
        raise UserError(
            f"None of the {len(files)} images in {root} can be read, e.g. "
            f"{_relative(files[0], root)}: give a folder of images."
        )
    return different


def _one_size(root: Path, files: list[Path], pool: ThreadPoolExecutor) -> tuple[int, int]:
    different = _sizes(root, files, pool)
    if len(different) > 1:
        (width, height), (other_width, other_height) = different[0], different[-1]
        raise UserError(
            f"The images in {root} have {len(different)} sizes, e.g. {width}×{height} and "
            f"{other_width}×{other_height}: give an image_size, e.g. 180."
        )
    width, height = different[0]
    return height, width


def _open_all(
    pool: ThreadPoolExecutor, files: list[Path], use: Callable[[int, Image.Image], None]
) -> list[bool]:
    """Opens every file, passes the image to `use`, and returns which files were readable."""

    def attempt(index: int) -> bool:
        try:
            with Image.open(files[index]) as image:
                use(index, image)
        except MemoryError:
            raise
        except Exception:  # Pillow's decoders raise many kinds of error for damaged bytes.
            return False
        return True

    return list(pool.map(attempt, range(len(files))))


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")

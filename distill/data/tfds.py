"""Any image-classification data set of TensorFlow Datasets (TFDS), read into memory by name."""

import contextlib
import difflib
import re
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from distill.data.dataset import ImageData, Split, with_splits
from distill.data.images import auto_size, require_memory, resize
from distill.errors import UserError

READ_BATCH = 256
# One file after another, so that the examples keep their order on disk. TFDS need not cache them,
# because they end up in memory anyway.
READ_CONFIG = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)


def load_tfds(name: str, image_size: int | str | None = None) -> ImageData:
    """Loads a TFDS data set, and downloads it on first use with TFDS' own progress bar.

    The test split is `test`, or `validation` if `test` is missing or has no labels, or else 20 % of
    `train`. The validation split always comes from `train`.

    Args:
        name: the name in TFDS: `"mnist"`, `"imagenette/160px-v2"`, `"mnist:3.0.1"`.
        image_size: height and width of the resized images in pixels. `None` if all images have the
            same size; `"auto"` as in `load_data`.

    Raises:
        UserError: TFDS has no such data set, its examples are not images with one label each, or
            it can be neither found nor downloaded.

    Examples:
        >>> load_tfds("mnist").image_shape  # doctest: +SKIP
        (28, 28, 1)
    """
    builder = _find(name)
    image_key, label_key = _keys(name, builder)
    shape = builder.info.features[image_key].shape
    if isinstance(image_size, str):  # AUTO
        image_size = auto_size(shape[:2])
    if image_size:
        shape = (image_size, image_size, shape[-1])
    elif None in shape:
        raise UserError(
            f"The images of {name!r} have different sizes: give an image_size, e.g. 180."
        )
    _prepare(name, builder)

    def read(split: str) -> tf.data.Dataset:
        examples = builder.as_dataset(split=split, read_config=READ_CONFIG, shuffle_files=False)
        return examples.map(
            lambda example: (example[image_key], tf.cast(example[label_key], tf.int32)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    splits = tuple(builder.info.splits)
    if "train" not in splits:
        raise UserError(
            f"{name!r} has no split 'train' but {_quoted(splits)}: choose a data set with one."
        )
    try:
        candidates = [split for split in ("test", "validation") if split in splits]
        # TFDS gives hidden labels as -1, for all examples of a split or for none.
        with_labels = (s for s in candidates if all(label >= 0 for _, label in read(s).take(1)))
        test_name = next(with_labels, None)
        wanted = {s: read(s) for s in ("train", test_name) if s}
        require_memory(sum(int(dataset.cardinality()) for dataset in wanted.values()), shape)
        arrays = {s: _in_memory(dataset, shape, image_size) for s, dataset in wanted.items()}
    except UserError:
        raise
    except Exception as error:  # TFDS and TensorFlow raise many kinds of error here.
        raise UserError(
            f"{name!r} cannot be read from {builder.data_dir} ({_reason(error)}): remove this "
            "folder and prepare the data set again."
        ) from error
    class_names = builder.info.features[label_key].names
    return with_splits(
        name, class_names, arrays["train"], arrays.get(test_name) if test_name else None
    )


def _in_memory(
    dataset: tf.data.Dataset, shape: tuple[int, int, int], image_size: int | None
) -> Split:
    if image_size:
        dataset = dataset.map(
            lambda image, label: (resize(image, image_size), label),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    examples = int(dataset.cardinality())
    images = np.empty((examples, *shape), np.uint8)
    labels = np.empty(examples, np.int32)
    filled = 0
    for batch, batch_labels in dataset.batch(READ_BATCH).prefetch(2).as_numpy_iterator():
        images[filled : filled + len(batch)] = batch
        labels[filled : filled + len(batch)] = batch_labels
        filled += len(batch)
    if filled != examples:
        raise ValueError(f"{examples} examples were expected, {filled} found")
    return Split(images, labels)


def _find(name: str) -> tfds.core.DatasetBuilder:
    try:
        return tfds.builder(name)
    except (ValueError, AssertionError) as error:  # unknown name; unknown configuration, version
        base = re.split("[/:]", name)[0]
        try:
            known = tfds.builder_cls(base)
        except ValueError:
            raise UserError(_unknown(name)) from error
        configs = f"the configurations {_quoted(known.builder_configs)} and " * bool(
            known.builder_configs
        )
        raise UserError(
            f"TFDS has no {name!r}: {base!r} has {configs}version {known.VERSION}; give "
            "'name', 'name/configuration' or 'name:version'."
        ) from error
    except Exception as error:  # a missing package, or no network for the class names
        raise UserError(
            f"TFDS cannot describe {name!r} ({_reason(error)}): solve that, or choose another "
            "data set."
        ) from error


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, tfds.list_builders(with_community_datasets=False))
    meant = f"did you mean {_quoted(close)}? Otherwise " if close else ""
    return (
        f"There is no data set {name!r}: {meant}give 'digits', the name of a TFDS data set "
        "(e.g. 'mnist'), or the path of a folder with a subfolder for each class, e.g. './photos'."
    )


def _keys(name: str, builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    features = builder.info.features
    keys = builder.info.supervised_keys or ("image", "label")
    if (
        len(keys) != 2
        or not all(isinstance(key, str) and key in features for key in keys)
        or not isinstance(features[keys[0]], tfds.features.Image)
        or not isinstance(features[keys[1]], tfds.features.ClassLabel)
        or features[keys[0]].np_dtype != np.uint8
        or features[keys[0]].shape[-1] is None
    ):
        found = ", ".join(f"{key}: {type(value).__name__}" for key, value in features.items())
        raise UserError(
            f"{name!r} does not hold 8-bit images with one label each (its features are {found}): "
            "choose an image-classification data set, e.g. 'mnist'."
        )
    return keys


def _prepare(name: str, builder: tfds.core.DatasetBuilder) -> None:
    if builder.data_path.exists():
        return
    root = builder.data_path.parents[2 if builder.builder_config else 1]
    advice = (
        "set TFDS_DATA_DIR to a folder that holds it, or run this once on a machine with a network"
    )
    # Offline, TFDS would retry for minutes, and can succeed only without a download.
    is_there = _downloaded(root / "downloads", builder.name)
    if builder.url_infos and not is_there and not _reachable(builder.url_infos):
        raise UserError(
            f"{name!r} is not prepared in {root} and there is no network to download it from: "
            f"{advice}."
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever the data set's code or the network raises
        raise UserError(
            f"{name!r} is not prepared in {root} and TFDS could not download or prepare it "
            f"({_reason(error)}): {advice}."
        ) from error


def _downloaded(downloads: Path, name: str) -> bool:
    files = [*(downloads / name).glob("*"), *(downloads / "manual").glob("*")]
    return any(".tmp." not in file.name for file in files)


def _reachable(urls: Iterable[str]) -> bool:
    """Tells whether a download can succeed: there is a proxy, or a host has an address."""
    if urllib.request.getproxies():
        return True
    for host in {urllib.parse.urlsplit(url).hostname for url in urls}:
        with contextlib.suppress(OSError):
            return bool(socket.getaddrinfo(host, None))
    return False


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)

"""Stored soft targets: a teacher's logits on a set of images, computed once."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from distill.data import Split
from distill.evaluation import predict_logits
from distill.files import read_arrays, write_arrays


def soft_targets(
    load_teacher: Callable[[], keras.Model], teacher: str, split: Split, folder: Path
) -> np.ndarray:
    """Returns a teacher's logits on every image of a split, from the store if they are there.

    The store names its files after the teacher and the bytes of the images. A retrained teacher or
    one changed pixel makes another file. `teacher` is a name that no other teacher has, such as the
    hash of its file; `load_teacher` is called only if its logits are not stored.
    """
    images = hashlib.blake2b(np.ascontiguousarray(split.images).data, digest_size=8).hexdigest()
    path = folder / f"{teacher[:16]}-{images}.npz"
    if path.exists():
        return read_arrays(path)["logits"]
    folder.mkdir(parents=True, exist_ok=True)
    logits = predict_logits(load_teacher(), split).astype("float32")
    write_arrays(path, logits=logits)
    return logits

"""Stored soft targets: a teacher's logits on a set of images, computed once."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from distill.data import Split, evaluation_pipeline, view_pipeline
from distill.evaluation import logits_on_batches
from distill.files import read_arrays, write_arrays

# Images that the teacher sees in one step. It has no effect on the result.
_BATCH = 512


@dataclasses.dataclass(frozen=True)
class Views:
    """Random changes of each image, the same ones in every run; see `training_pipeline`.

    Attributes:
        count: how many views each image has.
        translation: the largest translation in pixels.
        augmentation: names of the other changes.
        code: fingerprints of the changes that are a user's own functions.
    """

    count: int
    translation: int
    augmentation: tuple[str, ...]
    code: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Returns a name for each view, by which its soft targets are stored."""
        changes = repr((self.translation, self.augmentation, self.code)).encode()
        name = hashlib.blake2b(changes, digest_size=4).hexdigest()
        return [f"-{name}-{number}" for number in range(self.count)]


def soft_targets(
    load_teacher: Callable[[], keras.Model],
    teacher: str,
    split: Split,
    folder: Path,
    views: Views | None = None,
) -> np.ndarray:
    """Returns a teacher's logits on every image of a split, from the store if they are there.

    The store has a file for each view, named after the teacher, the bytes of the images and the
    view. A retrained teacher or one changed pixel makes another file. An interrupted computation
    goes on with the next view.

    Args:
        load_teacher: is called only if some logits are not stored.
        teacher: a name that no other teacher has, such as the hash of its file.
        split: the images.
        folder: where the store lies.
        views: the views whose logits are wanted; `None` for those of the images as they are.

    Returns:
        float32 `(examples, classes)`, or `(views · examples, classes)`, one view after the other.
    """
    images = hashlib.blake2b(np.ascontiguousarray(split.images).data, digest_size=8).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    found, model = [], None
    for number, name in enumerate(views.names() if views else [""]):
        path = folder / f"{teacher[:16]}-{images}{name}.npz"
        if not path.exists():
            model = model or load_teacher()
            batches = evaluation_pipeline(split, _BATCH)
            if views:
                batches = view_pipeline(
                    split, _BATCH, number, views.translation, views.augmentation
                )
            write_arrays(path, logits=logits_on_batches(model, batches).astype("float32"))
        found.append(read_arrays(path)["logits"])
    return np.concatenate(found)

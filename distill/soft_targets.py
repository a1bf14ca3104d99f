"""The teacher's logits on a set of images, computed once and kept beside the runs."""

import hashlib
from pathlib import Path

import numpy as np

from distill.data import Split
from distill.evaluation import predict_logits
from distill.run_folder import Run, read_arrays, write_arrays


def soft_targets(teacher: Run, split: Split, folder: Path) -> np.ndarray:
    """Returns the teacher's logits on every image of a split, from the store where they are there.

    A file of the store is named after the bytes of the teacher's file and of the images, so that
    a teacher trained anew or one changed pixel makes another file.

    Args:
        teacher: the teacher's run.
        split: the images; labels play no part.
        folder: the store.

    Returns:
        float32 array `(examples, classes)`.

    Raises:
        UserError: the store's file is damaged.
    """
    images = hashlib.blake2b(np.ascontiguousarray(split.images).data, digest_size=8).hexdigest()
    path = folder / f"{teacher.metrics['last']['model_sha256'][:16]}-{images}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        logits = predict_logits(teacher.load_model(), split).astype("float32")
        write_arrays(path, logits=logits)
        return logits
    return read_arrays(path)["logits"]

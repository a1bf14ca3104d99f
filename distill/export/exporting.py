"""`export`: writes a file, checks it in its own runtime, and keeps it only if it agrees."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from distill.data import Split
from distill.errors import UserError
from distill.evaluation import predict_logits
from distill.export.checking import FileCheck, check_file, require_close
from distill.export.deployable import deployable
from distill.export.formats import get_format
from distill.files import replacing_folder, write_json, write_text
from distill.version import VERSION


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported file, and how it was checked."""

    path: Path
    check: FileCheck


def export(
    model: keras.Model,
    folder: Path | str,
    format: str,
    class_names: Sequence[str],
    test: Split,
    training_images: np.ndarray,
    *,
    softmax: bool = False,
    input_size: int | None = None,
    threads: int = 1,
) -> Exported:
    """Exports a classifier and checks the file on a test set, in its own runtime.

    The function writes `FOLDER/FORMAT/` with the file, `labels.txt` (one class name in each line)
    and `export.json` (what was checked). The folder appears when the check has passed. It replaces
    an older one.

    Args:
        model: a Keras classifier of images with values 0 to 255, which rescales them itself.
        folder: where the format's folder is made.
        format: a name in `FORMATS`.
        class_names: one name for each class.
        test: labelled images, of the model's size or of `input_size`.
        training_images: uint8 images of the same size. The format litert-int8 takes the ranges of
            activations from 200 of them.
        softmax: the file returns probabilities instead of logits.
        input_size: the file takes images of this height and width, and resizes them itself; see
            `deployable`.
        threads: how many threads the runtime may use while it is timed.

    Returns:
        The path of the file, and the check.

    Raises:
        UserError: an argument is not allowed, a package is missing, the format cannot hold the
            model, or the file is further from the Keras model than the format's bounds.

    Examples:
        >>> import tempfile
        >>> from distill.data import load_digits
        >>> from distill.models import build_model
        >>> data, folder = load_digits(), Path(tempfile.mkdtemp())
        >>> model = build_model("mlp", data.image_shape, data.classes, hidden=8, depth=1)
        >>> done = export(
        ...     model, folder, "saved-model", data.class_names, data.test, data.train.images
        ... )
        >>> done.path.relative_to(folder).as_posix(), done.check.agreement
        ('saved-model/model', 1.0)
    """
    chosen = get_format(format)
    chosen.require_packages()
    wrapped = deployable(model, softmax, input_size)
    _check_data(wrapped, class_names, test, training_images)
    with tf.device("CPU"):
        logits = predict_logits(deployable(model, input_size=input_size), test)
    target = Path(folder) / chosen.name
    with replacing_folder(target) as temporary:
        path = temporary / chosen.file
        chosen.write(wrapped, path, class_names, training_images)
        check = check_file(path, chosen, test, logits, threads)
        require_close(check, chosen)
        write_text(temporary / "labels.txt", "".join(f"{name}\n" for name in class_names))
        about = {
            "file": chosen.file,
            "model": model.name,
            "input": ["batch", *wrapped.input_shape[1:]],
            "pixels": "0 to 255",
            "check": dataclasses.asdict(check),
            "bounds": dataclasses.asdict(chosen.bounds),
            "versions": {
                "distill": VERSION,
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
            },
        }
        write_json(temporary / "export.json", about)
    return Exported(target / chosen.file, check)


def _check_data(model, class_names, test, training_images):
    classes, shape = model.output_shape[1], model.input_shape[1:]
    if len(class_names) != classes:
        raise UserError(
            f"There are {len(class_names)} class names and the model {model.name!r} has {classes} "
            "outputs; give one name for each output."
        )
    if broken := [name for name in class_names if not name.strip() or len(name.splitlines()) > 1]:
        raise UserError(
            f"The class name {broken[0]!r} does not fit into a line of labels.txt; rename it."
        )
    if not len(test) or np.min(test.labels) < 0:
        raise UserError("The test set has images without label, or none; give labelled images.")
    for name, images in (("test", test.images), ("training", training_images)):
        if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
            raise UserError(
                f"The {name} images are {images.dtype} of shape {images.shape}, and must be uint8 "
                f"of shape {('examples', *shape)}."
            )

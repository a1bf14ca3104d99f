"""`open_predictor`: class probabilities from a `.keras` file or an exported one."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import softmax

from distill.data import resize, to_array
from distill.errors import UserError
from distill.export.deployable import LOGITS, PROBABILITIES
from distill.export.format import quiet, require_modules
from distill.export.runtimes import RUNTIMES, Runnable, run_all
from distill.files import load_model
from distill.models import ends_in_softmax

_RUNTIMES = {".keras": "keras", ".tflite": "litert", ".onnx": "onnxruntime"}
_NEEDS = {"litert": "ai_edge_litert", "onnxruntime": "onnxruntime"}


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A classifier that is ready to be used.

    Attributes:
        model: the loaded file.
        class_names: one name for each class.
        named: whether these are real names; otherwise they are numbers.
    """

    model: Runnable
    class_names: tuple[str, ...]
    named: bool

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Computes class probabilities.

        Args:
            images: uint8 `(examples, height, width, channels)`, of the size that the file takes.

        Returns:
            float64 `(examples, classes)`.
        """
        outputs = run_all(self.model, images).astype("float64")
        return outputs if self.model.output == PROBABILITIES else softmax(outputs, axis=-1)

    def read(self, path: Path) -> np.ndarray:
        """Reads an image file in the size and with the channels that the model takes.

        The image is turned upright as its EXIF orientation says, and stretched to the model's size.

        Args:
            path: an image file.

        Returns:
            uint8 `(height, width, channels)`.

        Raises:
            UserError: the file is not a readable image.
        """
        height, width, channels = self.model.image_shape
        try:
            with Image.open(path) as image:
                pixels = to_array(image, channels)
        except UserError:
            raise
        except Exception as error:  # Pillow's decoders raise many kinds for damaged bytes
            raise UserError(f"The image {path} cannot be read; repair or remove it.") from error
        return resize(pixels, (height, width)).numpy()


def open_predictor(path: Path | str, class_names: Sequence[str] | None = None) -> Predictor:
    """Opens a `.keras`, `.tflite` or `.onnx` file, or a SavedModel folder.

    Args:
        path: the file or folder; or a folder that `export` has made, with `export.json`.
        class_names: one name for each class. Default: the lines of `labels.txt` in the file's
            folder, or else the numbers of the classes.

    Returns:
        The predictor.

    Raises:
        UserError: there is no such file, it is damaged, a package is missing, or the number of
            class names is not that of the outputs.

    Examples:
        >>> import tempfile
        >>> import keras
        >>> path = Path(tempfile.mkdtemp(), "model.keras")
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> keras.Sequential([keras.Input((8, 8, 1)), *layers]).save(path)
        >>> predictor = open_predictor(path, ["cat", "dog"])
        >>> predictor.probabilities(np.zeros((1, 8, 8, 1), np.uint8)).tolist()
        [[0.5, 0.5]]
    """
    path = _exported(Path(path))
    model = _open(path)
    if len(model.image_shape) != 3:
        raise UserError(
            f"The model {path} takes inputs of shape {model.image_shape}; predict needs one that "
            "takes images (height, width, channels)."
        )
    labels = path.parent / "labels.txt"
    source = "class names" if class_names is not None else f"lines of {labels}"
    if class_names is None and labels.is_file():
        class_names = labels.read_text("utf-8").splitlines()
    names = class_names or [str(number) for number in range(model.classes)]
    if len(names) != model.classes:
        raise UserError(
            f"There are {len(names)} {source} and the model {path} has {model.classes} outputs; "
            "give one name for each output."
        )
    return Predictor(model, tuple(names), bool(class_names))


def _exported(path):
    """The file in a folder that `export` has made; any other path as it is."""
    about = path / "export.json"
    if not about.is_file():
        return path
    try:
        return path / json.loads(about.read_text("utf-8"))["file"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The file {about} is damaged; export the model again.") from error


def _open(path):
    if not path.exists():
        raise UserError(f"There is no file or folder {path}; give a model file or a run.")
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        raise UserError(
            f"The folder {path} holds neither a complete run nor a SavedModel; give the folder of "
            "a run, or a model file."
        )
    runtime = "tensorflow" if path.is_dir() else _RUNTIMES.get(path.suffix.lower())
    if runtime is None:
        raise UserError(
            f"The file {path} has an unknown kind; give a {', '.join(_RUNTIMES)} file or a "
            "SavedModel folder."
        )
    if runtime == "keras":
        return _open_keras(path)
    if runtime in _NEEDS:
        require_modules(f"A {path.suffix} file", [_NEEDS[runtime]])
    try:
        with quiet():
            return RUNTIMES[runtime](path, None)
    except Exception as error:  # each runtime raises its own kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"The model {path} cannot be loaded ({reason}); it is damaged or was not written by "
            "`python -m distill export`: export it again."
        ) from error


def _open_keras(path):
    model = load_model(path)
    softmax_inside = ends_in_softmax(model) or model.layers[-1].name == PROBABILITIES
    loaded = RUNTIMES["keras"](path, None)
    return loaded._replace(output=PROBABILITIES if softmax_inside else LOGITS)

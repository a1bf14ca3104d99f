"""LiteRT (formerly TensorFlow Lite), for phones, browsers and microcontrollers: four precisions."""

import functools
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from distill.export.format import Bounds, Format, quiet, unsupported
from distill.export.saved_model import serving_function

CALIBRATION_IMAGES = 200
_OPERATION = re.compile(r"'tf\.(\w+)' op is neither a custom op")


def write_litert(
    model: keras.Model,
    path: Path,
    class_names: Sequence[str],
    images: np.ndarray | None,
    name: str,
    configure: Callable[[tf.lite.TFLiteConverter, np.ndarray], None],
) -> None:
    """Writes a `.tflite` file for one image at a time, with `labels.txt` packed into it.

    Only LiteRT's own operations are used, so that every LiteRT runtime can run the file. The labels
    lie behind the model as a zip archive, as files associated with a LiteRT model do.

    Args:
        model: what `deployable` returns.
        path: the file to write.
        class_names: one name for each class.
        images: uint8 training images `(examples, height, width, channels)`, for calibration.
        name: the format's name, for messages.
        configure: sets the precision of a converter.

    Raises:
        UserError: LiteRT does not support an operation of the model.
    """
    module = tf.Module()
    module.model_variables = [variable.value for variable in model.variables]
    function = serving_function(model, 1).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    configure(converter, images)
    try:
        with quiet():
            content = converter.convert()
    except Exception as error:  # the converter raises many kinds
        raise unsupported(name, _OPERATION.findall(str(error)), error) from error
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "".join(f"{label}\n" for label in class_names))


def _float32(converter, images):
    pass


def _float16(converter, images):
    """Weights are float16. They are half as large, and processors compute in float32."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _dynamic(converter, images):
    """Weights are int8; activations are float, and quantised while the model runs."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _int8(converter, images):
    """Everything is an integer: uint8 images in, int8 logits out."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = functools.partial(calibration, images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8


def calibration(images: np.ndarray):
    """Yields up to 200 of the images, from which the converter takes the range of each activation.

    The first image gets one black and one white pixel: the input's range is then 0 to 255, its
    scale 1, and a program passes the bytes of an image as they are.

    Args:
        images: uint8 `(examples, height, width, channels)`.

    Yields:
        A list of one float32 batch of one image.
    """
    chosen = np.random.default_rng(0).permutation(len(images))[:CALIBRATION_IMAGES]
    for number, index in enumerate(chosen):
        image = images[index : index + 1].astype("float32")
        if number == 0:
            image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield [image]


def _format(name, text, configure, bounds):
    write = functools.partial(write_litert, name=name, configure=configure)
    return Format(name, text, "model.tflite", "litert", bounds, write, ("ai_edge_litert",))


LITERT = _format("litert", "LiteRT, float32", _float32, Bounds(difference=1e-4))
LITERT_FLOAT16 = _format(
    "litert-float16", "LiteRT, float16 weights", _float16, Bounds(difference=2e-2)
)
LITERT_DYNAMIC = _format(
    "litert-dynamic",
    "LiteRT, int8 weights",
    _dynamic,
    Bounds(agreement=0.95, accuracy_loss=0.02),
)
LITERT_INT8 = _format(
    "litert-int8",
    "LiteRT, int8 weights and activations",
    _int8,
    Bounds(agreement=0.9, accuracy_loss=0.03),
)

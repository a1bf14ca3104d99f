"""TensorFlow's SavedModel, which TensorFlow Serving takes."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf

from distill.export.deployable import INPUT
from distill.export.format import Bounds, Format, quiet

SIGNATURE = "serving_default"


def write_saved_model(
    model: keras.Model, path: Path, class_names: Sequence[str], images: np.ndarray | None = None
) -> None:
    """Writes a SavedModel with one signature, `serving_default`.

    The signature takes `images`, float32 `(batch, height, width, channels)` with a free batch size,
    and returns `logits` or `probabilities`, float32 `(batch, classes)`. The class names are an
    asset, `assets/labels.txt`.

    Args:
        model: what `deployable` returns.
        path: the folder to write.
        class_names: one name for each class.
        images: not used.
    """
    module = tf.Module()
    module.model_variables = [variable.value for variable in model.variables]
    module.serve = serving_function(model, None)
    with TemporaryDirectory() as folder, quiet():
        labels = Path(folder, "labels.txt")
        labels.write_text("".join(f"{name}\n" for name in class_names), "utf-8")
        module.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.serve})


def serving_function(
    model: keras.Model, batch: int | None
) -> tf.types.experimental.PolymorphicFunction:
    """Returns the model as a `tf.function` of `images`, with this batch size, or any for `None`."""
    (name,) = model.output_names
    signature = tf.TensorSpec((batch, *model.input_shape[1:]), tf.float32, name=INPUT)

    def serve(images):
        return {name: model(images, training=False)}

    return tf.function(serve, input_signature=[signature], autograph=False)


SAVED_MODEL = Format(
    name="saved-model",
    text="TensorFlow SavedModel, for TensorFlow Serving",
    file="model",
    runtime="tensorflow",
    bounds=Bounds(difference=1e-4),
    write=write_saved_model,
)

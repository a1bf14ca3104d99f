"""Keras' own int8 quantisation: a smaller `.keras` file for programs that use Keras anyway."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from distill.errors import UserError
from distill.export.deployable import plain_copy
from distill.export.format import Bounds, Format, quiet, unsupported


def write_keras_int8(
    model: keras.Model, path: Path, class_names: Sequence[str], images: np.ndarray | None = None
) -> None:
    """Writes a `.keras` file whose dense layers have int8 weights; `labels.txt` is packed into it.

    Keras quantises dense layers only. Convolutions stay in float32.

    Args:
        model: what `deployable` returns. The function does not change it.
        path: the file to write.
        class_names: one name for each class.
        images: not used.

    Raises:
        UserError: the model cannot be copied, has a layer that is not Keras' own, or no layer that
            Keras can quantise.
    """
    try:
        copy = plain_copy(_of_built_in_layers(model))
    except Exception as error:  # a layer of a class that is not registered, a subclassed model
        raise unsupported("keras-int8", [], error) from error
    if own := [
        each for each in copy._flatten_layers() if not type(each).__module__.startswith("keras.")
    ]:
        raise UserError(
            f"The layer {own[0].name!r} is a {type(own[0]).__name__}, which Keras alone cannot "
            "load; choose another format."
        )
    with quiet():
        copy.quantize("int8")
    if not any(layer.quantization_mode for layer in copy._flatten_layers()):
        raise UserError(
            f"The model {model.name!r} has no dense layer, and Keras quantises only those; choose "
            "the format litert-int8."
        )
    copy.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "".join(f"{label}\n" for label in class_names))


def _of_built_in_layers(model):
    """The same graph with built-in layers in place of each layer that says how to replace it."""
    if not any(hasattr(layer, "as_built_in_layers") for layer in model._flatten_layers()):
        return model

    def call(layer, *arguments, **options):
        return getattr(layer, "as_built_in_layers", layer)(*arguments, **options)

    return keras.models.clone_model(
        model, clone_function=lambda layer: layer, call_function=call, recursive=True
    )


KERAS_INT8 = Format(
    name="keras-int8",
    text="Keras, int8 weights of dense layers",
    file="model.keras",
    runtime="keras",
    bounds=Bounds(agreement=0.95, accuracy_loss=0.02),
    write=write_keras_int8,
)

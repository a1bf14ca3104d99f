"""Convolutional networks: a small one for digits, and a family for flower photos."""

import keras
from keras import layers

from distill.errors import UserError


def cnn(
    input_shape: tuple[int, ...],
    classes: int,
    filters: int = 32,
    dense: int = 128,
    dropout: float = 0.25,
) -> keras.Model:
    """Builds a small convolutional network for small images, 8 to 32 pixels.

    It has two 3×3 convolutions with `filters` filters, 2×2 max pooling, two with `2 * filters`,
    2×2 max pooling, dropout and one dense layer.

    Args:
        input_shape: `(height, width, channels)`, height and width 4 or more, values 0 to 255.
        classes: number of logits.
        filters: filters of the first two convolutions.
        dense: units of the dense layer.
        dropout: dropout rate before the dense layer and before the logits, 0 to 1.
    """
    check_size(input_shape, minimum=4, name="cnn")
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for block, width in enumerate((filters, 2 * filters), start=1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout1")(x)
    x = layers.Dense(dense, activation="relu", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout2")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name="cnn")


def flower_cnn(
    input_shape: tuple[int, ...], classes: int, dense: int = 128, dropout: float = 0.2
) -> keras.Model:
    """Builds the network of a public TensorFlow write-up on distillation for tf_flowers.

    It augments its images itself: horizontal flip, rotation and zoom. Four blocks of 3×3
    convolution and 2×2 max pooling with 16, 32, 64 and 128 filters follow, then dropout and one
    dense layer. At 180×180×3 and 5 classes it has 2,080,677 parameters with `dense=128` (the
    teacher), 1,089,061 with 64, 593,253 with 32 and 345,349 with 16.

    Args:
        input_shape: `(height, width, channels)`, height and width 16 or more, values 0 to 255.
        classes: number of logits.
        dense: units of the dense layer.
        dropout: dropout rate before the dense layer, 0 to 1. The source does not state it.
    """
    check_size(input_shape, minimum=16, name="flower_cnn")
    inputs = keras.Input(input_shape, name="image")
    x = layers.RandomFlip("horizontal", name="random_flip")(inputs)
    x = layers.RandomRotation(0.1, name="random_rotation")(x)
    x = layers.RandomZoom(0.1, name="random_zoom")(x)
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    for number, filters in enumerate((16, 32, 64, 128), start=1):
        name = f"conv{number}"
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(dense, activation="relu", name="hidden")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name="flower_cnn")


def check_size(input_shape: tuple[int, ...], minimum: int, name: str) -> None:
    """Refuses images that are too small for a model."""
    if min(input_shape[:2]) < minimum:
        raise UserError(
            f"Images of {input_shape[0]}×{input_shape[1]} pixels are too small for the model "
            f"{name!r}, which needs {minimum} or more each way: set image_size, or choose another "
            "model."
        )

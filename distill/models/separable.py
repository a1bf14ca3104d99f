"""Small students for photos: depthwise-separable convolutions and global pooling."""

import keras
from keras import layers

from distill.errors import UserError
from distill.models.cnn import check_size

# Filters of each block before they are scaled by the width, and whether it halves the image.
_BLOCKS = ((64, False), (128, True), (128, False), (256, True), (256, False), (512, True))
_SMALLEST_MAP = 4  # no convolution makes the feature map smaller than this


def separable_cnn(
    input_shape: tuple[int, ...], classes: int, width: float = 0.5, dropout: float = 0.2
) -> keras.Model:
    """Builds a small network for photos of any size, after MobileNet.

    A 3×3 convolution, then six blocks. A block is a depthwise 3×3 and a pointwise 1×1
    convolution, each followed by batch normalisation and ReLU. Global average pooling and one dense
    layer follow, so the number of parameters does not depend on the image size. With colour images
    and 10 classes it has 278,730 parameters at width 1, 75,370 at 0.5, 21,690 at 0.25
    and 6,850 at 0.125.

    Args:
        input_shape: `(height, width, channels)`, height and width 8 or more, values 0 to 255.
        classes: number of logits.
        width: factor for the filters of every layer, above 0.
        dropout: dropout rate before the logits, 0 to 1.

    Returns:
        A built `keras.Model` that returns logits.

    Raises:
        UserError: the images are too small, or the width is not above 0.

    Source: Howard et al. (2017), MobileNets, arXiv:1704.04861.
    """
    check_size(input_shape, minimum=8, name="separable_cnn")
    if width <= 0:
        raise UserError(f"width is {width}, and must be above 0, e.g. 0.25.")
    size = min(input_shape[:2])

    def filters(number):
        return max(4, round(number * width))

    def strides(halves):
        nonlocal size
        halves = halves and size >= 2 * _SMALLEST_MAP
        size = -(-size // 2) if halves else size
        return 2 if halves else 1

    def normalised(x, name):
        # The default momentum of 0.99 needs more steps than a few hundred photos give.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    options = {"padding": "same", "use_bias": False}
    x = layers.Conv2D(filters(32), 3, strides=strides(size >= 32), name="stem", **options)(x)
    x = normalised(x, "stem")
    for number, (count, halves) in enumerate(_BLOCKS, start=1):
        name = f"block{number}"
        x = layers.DepthwiseConv2D(3, strides=strides(halves), name=f"{name}_depth", **options)(x)
        x = normalised(x, f"{name}_depth")
        x = layers.Conv2D(filters(count), 1, name=f"{name}_point", **options)(x)
        x = normalised(x, f"{name}_point")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name="separable_cnn")

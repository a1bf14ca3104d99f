"""Residual networks for small images: teachers and students of the usual CIFAR benchmarks.

Each model takes images with a height and width of 8 or more, any number of channels and values 0 to
255, and returns logits.
"""

import keras
from keras import layers

from distill.models.cnn import check_size


def resnet8x4(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a ResNet with 8 layers, four times as wide: stem 32, stages 64, 128, 256 channels."""
    return _resnet("resnet8x4", 8, 32, (64, 128, 256), input_shape, classes)


def resnet20(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a ResNet with 20 layers: stem 16, stages with 16, 32 and 64 channels."""
    return _resnet("resnet20", 20, 16, (16, 32, 64), input_shape, classes)


def resnet32x4(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a ResNet with 32 layers, four times as wide: stem 32, stages 64, 128, 256 channels."""
    return _resnet("resnet32x4", 32, 32, (64, 128, 256), input_shape, classes)


def resnet56(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a ResNet with 56 layers: stem 16, stages with 16, 32 and 64 channels."""
    return _resnet("resnet56", 56, 16, (16, 32, 64), input_shape, classes)


def resnet110(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a ResNet with 110 layers: stem 16, stages with 16, 32 and 64 channels."""
    return _resnet("resnet110", 110, 16, (16, 32, 64), input_shape, classes)


def wrn_16_2(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a wide ResNet with 16 layers: stem 16, stages with 32, 64 and 128 channels."""
    return _wide_resnet("wrn_16_2", 16, 2, input_shape, classes)


def wrn_40_2(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a wide ResNet with 40 layers: stem 16, stages with 32, 64 and 128 channels."""
    return _wide_resnet("wrn_40_2", 40, 2, input_shape, classes)


def _resnet(name, depth, stem, widths, input_shape, classes):
    """Builds a ResNet with `depth = 6n + 2` layers in three stages of `n` blocks.

    Reference: He et al. (2016), Deep Residual Learning for Image Recognition, section 4.2,
    https://arxiv.org/abs/1512.03385. As in the benchmarks of distillation (RepDistiller,
    mdistiller), the shortcut is a 1×1 convolution with batch normalisation where the shape changes;
    the paper pads with zeros.
    """
    inputs, x = _stem(name, input_shape, stem)
    x = _norm_relu(x, "stem_bn", "stem_relu")
    for stage, filters in enumerate(widths, start=1):
        for block in range(1, (depth - 2) // 6 + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(x, filters, strides, f"stage{stage}_block{block}")
    return _head(name, inputs, x, classes)


def _block(x, filters, strides, name):
    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = _conv(x, filters, 1, strides, f"{name}_shortcut_conv")
        shortcut = _batch_norm(shortcut, f"{name}_shortcut_bn")
    x = _conv(x, filters, 3, strides, f"{name}_conv1")
    x = _norm_relu(x, f"{name}_bn1", f"{name}_relu1")
    x = _conv(x, filters, 3, 1, f"{name}_conv2")
    x = _batch_norm(x, f"{name}_bn2")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu2")(x)


def _wide_resnet(name, depth, widen, input_shape, classes):
    """Builds a wide ResNet with `depth = 6n + 4` layers in three stages of `n` blocks.

    Batch normalisation and ReLU come before each convolution. The stages have `widen` times 16, 32
    and 64 channels. There is no dropout.

    Reference: Zagoruyko and Komodakis (2016), Wide Residual Networks,
    https://arxiv.org/abs/1605.07146.
    """
    inputs, x = _stem(name, input_shape, 16)
    for stage, filters in enumerate((16 * widen, 32 * widen, 64 * widen), start=1):
        for block in range(1, (depth - 4) // 6 + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _wide_block(x, filters, strides, f"stage{stage}_block{block}")
    x = _norm_relu(x, "final_bn", "final_relu")
    return _head(name, inputs, x, classes)


def _wide_block(x, filters, strides, name):
    shortcut = x
    x = _norm_relu(x, f"{name}_bn1", f"{name}_relu1")
    if shortcut.shape[-1] != filters:
        shortcut = _conv(x, filters, 1, strides, f"{name}_shortcut_conv")
    x = _conv(x, filters, 3, strides, f"{name}_conv1")
    x = _norm_relu(x, f"{name}_bn2", f"{name}_relu2")
    x = _conv(x, filters, 3, 1, f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _stem(name, input_shape, filters):
    check_size(input_shape, minimum=8, name=name)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    return inputs, _conv(x, filters, 3, 1, "stem_conv")


def _head(name, inputs, x, classes):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name=name)


def _conv(x, filters, kernel_size, strides, name):
    # With strides, "same" pads even sizes on one side only. Padding on both sides centres the 3×3
    # windows on the pixels of the shortcut, as in PyTorch.
    if strides > 1 and kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        # Like PyTorch's `kaiming_normal_(mode="fan_out")`.
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name=name,
    )(x)


def _batch_norm(x, name):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)  # PyTorch's


def _norm_relu(x, norm_name, relu_name):
    return layers.ReLU(name=relu_name)(_batch_norm(x, norm_name))

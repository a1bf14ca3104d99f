"""Residual networks for small images: the teachers and students of the usual CIFAR benchmarks."""

import keras
from keras import layers

from distill.models.cnn import check_size


def resnet8x4(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """ResNet of 8 layers, four times as wide: stem 32, stages of 64, 128 and 256 channels.

    Like every model of this file it takes images of 8 pixels or more each way, any number of
    channels, values 0 to 255, and ends in logits.
    """
    return _resnet("resnet8x4", 8, 32, (64, 128, 256), input_shape, classes)


def resnet20(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """ResNet of 20 layers: stem 16, stages of 16, 32 and 64 channels (He et al. 2016, 4.2)."""
    return _resnet("resnet20", 20, 16, (16, 32, 64), input_shape, classes)


def resnet32x4(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """ResNet of 32 layers, four times as wide: stem 32, stages of 64, 128 and 256 channels."""
    return _resnet("resnet32x4", 32, 32, (64, 128, 256), input_shape, classes)


def resnet56(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """ResNet of 56 layers: stem 16, stages of 16, 32 and 64 channels (He et al. 2016, 4.2)."""
    return _resnet("resnet56", 56, 16, (16, 32, 64), input_shape, classes)


def resnet110(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """ResNet of 110 layers: stem 16, stages of 16, 32 and 64 channels (He et al. 2016, 4.2)."""
    return _resnet("resnet110", 110, 16, (16, 32, 64), input_shape, classes)


def wrn_16_2(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Wide ResNet of 16 layers: stem 16, stages of 32, 64 and 128 channels."""
    return _wide_resnet("wrn_16_2", 16, 2, input_shape, classes)


def wrn_40_2(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Wide ResNet of 40 layers: stem 16, stages of 32, 64 and 128 channels."""
    return _wide_resnet("wrn_40_2", 40, 2, input_shape, classes)


def _resnet(name, depth, stem, widths, input_shape, classes):
    """ResNet of `depth = 6n + 2` layers in three stages of `n` blocks, ending in logits.

    He et al. 2016, "Deep residual learning for image recognition", section 4.2, as the benchmarks
    of distillation have it (RepDistiller, mdistiller): where the shape changes, the shortcut is a
    1×1 convolution with batch norm, not the paper's padding with zeros.
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
    """Wide ResNet of `depth = 6n + 4` layers in three stages of `n` blocks, ending in logits.

    Zagoruyko & Komodakis 2016, "Wide residual networks": batch norm and ReLU come before each
    convolution, stages have `widen` times 16, 32 and 64 channels; without their dropout.
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
    # With strides, "same" pads even sizes on one side only; padded on both, the 3×3 windows are
    # centred on the pixels that the shortcut takes, as in PyTorch.
    if strides > 1 and kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        # He's normal distribution by fan out, as PyTorch's `kaiming_normal_(mode="fan_out")`.
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name=name,
    )(x)


def _batch_norm(x, name):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)  # PyTorch's


def _norm_relu(x, norm_name, relu_name):
    return layers.ReLU(name=relu_name)(_batch_norm(x, norm_name))

"""MobileNetV2: that of keras.applications, and one with overlapping groups of channels."""

import numbers

import keras
from keras import layers, ops

from distill.errors import UserError, check_number
from distill.models.application import load_backbone, three_channels
from distill.models.cnn import check_size

# Sandler et al. (2018), table 2: channels, blocks and stride of the first block of each stage. The
# first stage has expansion 1 (no expansion convolution), the others have that of the network.
STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
PUBLISHED_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def mobilenet_v2(
    input_shape: tuple[int, ...],
    classes: int,
    width: float = 1.0,
    weights: str | None = None,
    dropout: float = 0.2,
    momentum: float = 0.9,
) -> keras.Model:
    """Builds the MobileNetV2 of keras.applications, ending in logits.

    Its layers are direct layers of the model and keep their names, e.g. `block_16_project_BN`.

    Args:
        input_shape: `(height, width, channels)`, height and width 32 or more, values 0 to 255.
        classes: number of logits.
        width: factor on the channels of every layer (`alpha` in Keras), above 0.
        weights: `None` for fresh weights; `"imagenet"`, downloaded on first use, for images of 1 or
            3 channels (one channel is repeated three times); or the path of a file with the weights
            of a MobileNetV2 of this width: `.weights.h5` or `.keras`, without regard to its
            classifier, or Keras' older `.h5` without a classifier.
        dropout: dropout rate before the logits, 0 to 1.
        momentum: momentum of batch normalisation's moving averages, from 0 to below 1. PyTorch's
            MobileNetV2 has 0.9. With the 0.999 of keras.applications, the averages lag thousands of
            steps behind, and a network trained for fewer steps guesses at inference.

    Raises:
        UserError: an argument is out of range, or the weights can be neither found nor downloaded.

    Reference: Sandler et al. (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks,
    https://arxiv.org/abs/1801.04381.
    """
    inputs, x = _images("mobilenet_v2", input_shape, width)
    if weights == "imagenet":
        x = three_channels(x)
    x = _application(x, width, weights).output
    return _head("mobilenet_v2", inputs, x, classes, dropout, momentum)


def overlapping_mobilenet_v2(
    input_shape: tuple[int, ...],
    classes: int,
    width: float = 1.0,
    expansion: int = 4,
    groups: int = 2,
    overlap: float = 0.5,
    dropout: float = 0.2,
    momentum: float = 0.9,
) -> keras.Model:
    """Builds a MobileNetV2 with overlapping groups in its pointwise convolutions.

    It is the student of a public PyTorch write-up on distilling MobileNetV2 on Caltech-101, which
    states neither the number of groups nor their overlap. Both 1×1 convolutions of every inverted
    residual block, the expansion and the projection, are `OverlappingGroupConv2D`. With
    `expansion=6, groups=1` it is `mobilenet_v2`, with the same layer names. Import
    `distill.models` before you load a saved model.

    Args:
        input_shape, classes: as in `mobilenet_v2`.
        width: factor on the channels of every layer, which stay multiples of 8; above 0.
        expansion: factor on the channels within a block, a whole number, 1 or more.
        groups: number of groups of channels; 1, 2, 4 or 8 divide every layer.
        overlap: the additional width of each group's window of input channels, as a fraction of an
            equal share of the channels, 0 or more.
        dropout, momentum: as in `mobilenet_v2`.

    Raises:
        UserError: an argument is out of range, or `groups` do not suit the channels.
    """
    _check_count("expansion", expansion)
    inputs, x = _images("overlapping_mobilenet_v2", input_shape, width)
    stem = _divisible(32 * width)
    x = layers.Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = _norm_relu6(x, "bn_Conv1", "Conv1_relu")
    grouping = {"groups": groups, "overlap": overlap}
    number = 0
    for channels, blocks, stride in STAGES:
        filters = _divisible(int(channels * width))
        for block in range(blocks):
            strides = stride if block == 0 else 1
            x = _inverted_residual(x, filters, strides, expansion, number, grouping)
            number += 1
    head = _divisible(1280 * width) if width > 1 else 1280
    x = layers.Conv2D(head, 1, use_bias=False, name="Conv_1")(x)
    x = _norm_relu6(x, "Conv_1_bn", "out_relu")
    return _head("overlapping_mobilenet_v2", inputs, x, classes, dropout, momentum)


@keras.saving.register_keras_serializable(package="distill")
class OverlappingGroupConv2D(layers.Layer):
    """Convolution in groups whose windows of input channels overlap.

    With `C` input channels and `G` groups, group `g = 0 … G-1` computes `filters / G` output
    channels from the `w` neighbouring input channels `s_g … s_g + w - 1`:

        w   = min(C, round((1 + overlap) * C / G))
        s_g = round(g * (C - w) / (G - 1)),  s_0 = 0

    where `round` rounds halves to even numbers, as Python's does. The first window starts at the
    first channel and the last one ends at the last channel. `overlap=0` gives Keras' grouped
    convolution; `groups=1` or `overlap >= groups - 1` gives the ordinary one. The kernel has shape
    `(kernel height, kernel width, w, filters)`, with the filters of all groups in order.

    This definition is our own: the write-up that uses overlapping group convolution does not
    define it. Inputs and outputs have shape `(batch, height, width, channels)`.

    Args:
        filters: number of output channels, a multiple of `groups`.
        kernel_size: height and width of the kernel, one number or two.
        groups: number of groups, 1 or more.
        overlap: the additional width of a window, as a fraction of `C / G`, 0 or more. With 0,
            `groups` must divide `C`. The windows must cover all channels.
        strides: stride of the kernel, one number or two.
        padding: `"same"` or `"valid"`.
        use_bias: whether to add a learned number to each output channel.
        kernel_initializer: as in `keras.layers.Conv2D`.
        **options: as in `keras.layers.Layer`, e.g. `name`.

    Raises:
        UserError: `groups` or `overlap` does not suit the channels.

    Examples:
        >>> layer = OverlappingGroupConv2D(10, 1, groups=2, overlap=0.5)
        >>> tuple(layer(ops.ones((1, 4, 4, 8))).shape), tuple(layer.kernel.shape)
        ((1, 4, 4, 10), (1, 1, 6, 10))
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        groups: int = 1,
        overlap: float = 0.0,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        use_bias: bool = False,
        kernel_initializer="glorot_uniform",
        **options,
    ):
        super().__init__(**options)
        _check_count("filters", filters)
        _check_count("groups", groups)
        check_number("overlap", overlap, "0 or more", least=0)
        if filters % groups:
            raise UserError(
                f"{filters} filters cannot be divided among {groups} groups: choose groups that "
                "divide them."
            )
        self.filters = filters
        self.kernel_size = _pair(kernel_size)
        self.groups = groups
        self.overlap = overlap
        self.strides = _pair(strides)
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.window, self.starts = _windows(input_shape[-1], self.groups, self.overlap)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, self.window, self.filters),
            initializer=self.kernel_initializer,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        if self.window == inputs.shape[-1]:
            outputs = self._conv(inputs, self.kernel)
        else:
            # One convolution for each group, because TensorFlow has no grouped one on the CPU.
            share = self.filters // self.groups
            outputs = ops.concatenate(
                [
                    self._conv(
                        inputs[..., start : start + self.window],
                        self.kernel[..., group * share : (group + 1) * share],
                    )
                    for group, start in enumerate(self.starts)
                ],
                axis=-1,
            )
        return outputs if self.bias is None else ops.add(outputs, self.bias)

    def _conv(self, inputs, kernel):
        return ops.conv(inputs, kernel, self.strides, self.padding, data_format="channels_last")

    def as_built_in_layers(self, inputs):
        """Returns the same outputs from new built-in layers, for files that Keras alone loads."""
        share = self.filters // self.groups
        outputs = []
        for group, start in enumerate(self.starts):
            own = slice(group * share, (group + 1) * share)
            conv = layers.Conv2D(
                share,
                self.kernel_size,
                self.strides,
                self.padding,
                use_bias=self.use_bias,
                name=f"{self.name}_{group + 1}",
            )
            outputs.append(conv(inputs[..., start : start + self.window]))
            conv.kernel.assign(self.kernel[..., own])
            if self.use_bias:
                conv.bias.assign(self.bias[own])
        return ops.concatenate(outputs, axis=-1) if len(outputs) > 1 else outputs[0]

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "groups": self.groups,
            "overlap": self.overlap,
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _windows(channels, groups, overlap):
    """Returns the width of the windows of channels, and where each of them starts."""
    if overlap == 0 and channels % groups:
        raise UserError(
            f"{channels} channels cannot be divided among {groups} groups without overlap: choose "
            "groups that divide them, or an overlap above 0."
        )
    window = min(channels, round((1 + overlap) * channels / groups))
    if window * groups < channels:
        raise UserError(
            f"With {groups} groups and overlap {overlap}, windows of {window} do not cover all "
            f"{channels} channels: choose a larger overlap, or groups that divide the channels."
        )
    steps = max(groups - 1, 1)
    return window, [round(group * (channels - window) / steps) for group in range(groups)]


def _check_count(name, value):
    if not isinstance(value, numbers.Integral) or value < 1:
        raise UserError(f"{name} is {value!r}, and must be a whole number, 1 or more.")


def _pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def _divisible(channels):
    """Rounds a number of channels to a multiple of 8, not more than 10 % below it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _inverted_residual(x, filters, strides, expansion, number, grouping):
    shortcut = x
    name = f"block_{number}" if number else "expanded_conv"
    if number:
        expanded = expansion * x.shape[-1]
        x = OverlappingGroupConv2D(expanded, 1, name=f"{name}_expand", **grouping)(x)
        x = _norm_relu6(x, f"{name}_expand_BN", f"{name}_expand_relu")
    # For even and odd sizes, "same" pads as ZeroPadding2D does in keras.applications.
    x = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm_relu6(x, f"{name}_depthwise_BN", f"{name}_depthwise_relu")
    x = OverlappingGroupConv2D(filters, 1, name=f"{name}_project", **grouping)(x)
    x = _batch_norm(x, f"{name}_project_BN")
    if strides == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _batch_norm(x, name):
    return layers.BatchNormalization(epsilon=1e-3, name=name)(x)


def _norm_relu6(x, norm_name, relu_name):
    return layers.ReLU(6.0, name=relu_name)(_batch_norm(x, norm_name))


def _images(name, input_shape, width):
    check_size(input_shape, minimum=32, name=name)
    check_number("width", width, "a positive number", above=0)
    inputs = keras.Input(input_shape, name="image")
    return inputs, layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(inputs)


def _head(name, inputs, x, classes, dropout, momentum):
    check_number("momentum", momentum, "from 0 to below 1", least=0, most=0.999999)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    model = keras.Model(inputs, logits, name=name)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum
    return model


def _application(x, width, weights):
    if weights == "imagenet" and width not in PUBLISHED_WIDTHS:
        raise UserError(
            f"There are no ImageNet weights for width {width}: choose one of "
            f"{', '.join(map(str, PUBLISHED_WIDTHS))}, or set weights to none."
        )
    what = f"MobileNetV2 of width {width}"
    return load_backbone(keras.applications.MobileNetV2, x, weights, what, alpha=width)

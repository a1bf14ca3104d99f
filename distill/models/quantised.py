"""Quantisation-aware training: a model computes in training as its int8 file will."""

import keras
from keras import layers, ops

from distill.errors import UserError

# Layers whose kernels do not have their output channels last.
_SECOND_LAST = (layers.DepthwiseConv1D, layers.DepthwiseConv2D, layers.Conv2DTranspose)
# Layers that LiteRT computes together with the one before: no integer lies between the two.
_FUSED = (layers.BatchNormalization, layers.ReLU, layers.Activation)
# Layers whose outputs have the range of their inputs.
_SAME_RANGE = (
    layers.InputLayer,
    layers.Dropout,
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
    layers.MaxPooling2D,
    layers.ZeroPadding2D,
    layers.Identity,
)
_TINY = 1e-12


@keras.saving.register_keras_serializable(package="distill")
class Int8Weights(layers.Wrapper):
    """A layer that computes with its kernel rounded to int8, with one scale for each channel.

    `scale = max |kernel| / 127` over each output channel, and `kernel ≈ scale · round(kernel /
    scale)`. The gradient passes through the rounding unchanged (Bengio et al. 2013,
    arXiv:1308.3432).
    """

    def call(self, inputs, **kwargs):
        kernel = self.layer.kernel
        axis = len(kernel.shape) - (2 if isinstance(self.layer, _SECOND_LAST) else 1)
        others = [each for each in range(len(kernel.shape)) if each != axis]
        limit = ops.stop_gradient(ops.maximum(ops.max(ops.abs(kernel), axis=others), _TINY))
        rounded = keras.quantizers.fake_quant_with_min_max_vars(
            kernel, -limit, limit, num_bits=8, narrow_range=True, axis=axis
        )
        # JAX needs the values of all variables in training.
        values = {id(each): (each, each.value) for each in self.layer.variables}
        values[id(kernel)] = kernel, rounded
        with keras.StatelessScope(state_mapping=[*values.values()]):
            return self.layer(inputs, **kwargs)


@keras.saving.register_keras_serializable(package="distill")
class Int8Range(layers.Layer):
    """Rounds its inputs to 256 values between a low and a high one, which include 0.

    The two are moving averages of each training batch's smallest and largest value. They change in
    training only. Before the first training batch, the layer returns its inputs.

    Args:
        momentum: of the moving averages.
        **kwargs: `name` and other arguments of a Keras layer.
    """

    def __init__(self, momentum=0.95, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        options = {"initializer": "zeros", "trainable": False, "dtype": "float32"}
        self.low = self.add_weight((), name="low", **options)
        self.high = self.add_weight((), name="high", **options)

    def call(self, inputs, training=False):
        low, high = ops.convert_to_tensor(self.low), ops.convert_to_tensor(self.high)
        if training:
            batch = ops.cast(ops.stop_gradient(inputs), "float32")
            is_first = ops.equal(low, high)
            keep = ops.where(is_first, 0.0, self.momentum)
            low = keep * low + (1 - keep) * ops.minimum(ops.min(batch), 0.0)
            high = keep * high + (1 - keep) * ops.maximum(ops.max(batch), _TINY)
            self.low.assign(low)
            self.high.assign(high)
        rounded = keras.quantizers.fake_quant_with_min_max_vars(inputs, low, high, num_bits=8)
        return ops.where(ops.equal(low, high), inputs, rounded)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


def quantisation_aware(model: keras.Model) -> keras.Model:
    """Returns a copy of a model that computes with weights and activations rounded to 8 bits.

    All but its outputs is rounded. Train the copy, on its own or as a student. Then
    `without_quantisation` returns the model that is saved and exported in the format litert-int8.
    Batch normalisation need not be folded into the kernels here, because one scale for each
    channel makes their rounding the same.

    Args:
        model: a functional or sequential model whose layers have at most one kernel each. Its
            weights are copied.

    Raises:
        UserError: a layer cannot be rounded, or the model is subclassed.

    Examples:
        >>> model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="logits")])
        >>> aware = quantisation_aware(model)
        >>> [layer.name for layer in aware.layers][1:]
        ['logits_range0', 'logits']
        >>> [layer.name for layer in without_quantisation(aware).layers][1:]
        ['logits']

    Reference: Jacob et al. (2018), Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference, https://arxiv.org/abs/1712.05877
    """
    functional = model
    if isinstance(model, keras.Sequential):
        functional = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    try:
        copy = keras.models.clone_model(
            functional, call_function=_with_ranges(), clone_function=_wrapped
        )
    except UserError:
        raise
    except ValueError as error:
        raise UserError(
            f"The model {model.name!r} is neither functional nor sequential, so it cannot be "
            "trained for int8; leave student.quantisation out."
        ) from error
    return _with_weights_of(model, copy)


def without_quantisation(model: keras.Model) -> keras.Model:
    """Returns the plain model of a quantisation-aware one, or the model itself if it is plain."""
    if not any(isinstance(layer, Int8Weights | Int8Range) for layer in model._flatten_layers()):
        return model
    plain = keras.models.clone_model(
        model, call_function=_without_ranges, clone_function=_unwrapped
    )
    return _with_weights_of(model, plain)


def _wrapped(layer):
    copy = layer.__class__.from_config(layer.get_config())
    kernels = [each for each in layer.weights if len(each.shape) > 1]
    if not kernels:
        return copy
    if len(kernels) > 1 or getattr(layer, "kernel", None) is not kernels[0]:
        raise UserError(
            f"The layer {layer.name!r} is a {type(layer).__name__}, which cannot be trained for "
            "int8: only layers with one kernel can; leave student.quantisation out."
        )
    return Int8Weights(copy, name=layer.name)


def _unwrapped(layer):
    inner = _inner(layer)
    return inner.__class__.from_config(inner.get_config())


def _with_ranges():
    """A function that calls a layer, with an `Int8Range` before each input that is an integer."""
    known = {}

    def ranged(tensor, layer):
        if id(tensor) not in known:
            name = f"{layer.name}_range{len(known)}"
            known[id(tensor)] = tensor, Int8Range(name=name)(tensor)
        return known[id(tensor)][1]

    def call(layer, *args, **kwargs):
        if not isinstance(layer, (*_FUSED, *_SAME_RANGE)):
            args = keras.tree.map_structure(lambda each: ranged(each, layer), args)
        return layer(*args, **kwargs)

    return call


def _without_ranges(layer, *args, **kwargs):
    return args[0] if isinstance(layer, Int8Range) else layer(*args, **kwargs)


def _with_weights_of(source, target):
    """Gives the layers of `target` the weights of the layers of the same name."""
    for layer in source.layers:
        if not isinstance(layer, Int8Range):
            inner, other = _inner(layer), _inner(target.get_layer(layer.name))
            other.set_weights(inner.get_weights())
    return target


def _inner(layer):
    return layer.layer if isinstance(layer, Int8Weights) else layer

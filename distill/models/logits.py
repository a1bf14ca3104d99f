"""Logits of models that end in softmax: taken where possible, refused where not."""

import keras
from keras import ops

from distill.errors import UserError

# Packages whose functions of these names are the softmax over the last axis, or the sigmoid.
_PACKAGES = ("keras", "tensorflow", "jax", "torch")
_NAMES = {"softmax": ("softmax", "softmax_v2"), "sigmoid": ("sigmoid",)}

# Of fewer rows of logits, chance may make all look like probabilities.
ENOUGH_ROWS = 4


class _WithoutActivation(keras.layers.Layer):
    """Calls a layer of another model, which keeps its weights, without the final activation."""

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy, name=f"{layer.name}_logits")
        self.layer = layer

    def call(self, inputs):
        activation = self.layer.activation
        self.layer.activation = keras.activations.linear
        try:
            return self.layer(inputs)
        finally:
            self.layer.activation = activation


def ends_in_softmax(model: keras.Model, activation: str = "softmax") -> bool:
    """Returns whether the last layer of a functional or sequential model applies softmax.

    With `activation="sigmoid"`, it looks for a sigmoid instead. The functions of Keras, TensorFlow,
    JAX and PyTorch are recognised, also in a model that is itself the last layer. Subclassed models
    cannot be inspected: the answer is `False`.

    Examples:
        >>> ends_in_softmax(keras.Sequential([keras.layers.Dense(10, activation="softmax")]))
        True
    """
    last = last_layer(model)
    if isinstance(last, keras.Model):
        return ends_in_softmax(last, activation)
    if isinstance(last, keras.layers.Softmax):
        return activation == "softmax"
    function = getattr(last, "activation", None)
    package = (getattr(function, "__module__", None) or "").partition(".")[0]
    return package in _PACKAGES and getattr(function, "__name__", None) in _NAMES[activation]


def last_layer(model: keras.Model) -> keras.layers.Layer | None:
    """Returns the layer that produces the model's output; a sequential one need not be built."""
    if isinstance(model, keras.Sequential):
        return model.layers[-1] if model.layers else None
    return last_call(model)[0]


def inputs_of(model: keras.Model):
    """Returns the symbolic inputs of a built functional or sequential model."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def last_call(model: keras.Model) -> tuple:
    """Returns the layer that produces the model's output, and the input of that layer there.

    Both are `None` for a model that is subclassed, not built, or has several outputs.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) > 1:
        return None, None
    # Not `layer.input`: that belongs to the layer's first call, perhaps in another model.
    layer, call, _ = outputs[0]._keras_history
    return layer, layer._inbound_nodes[call].input_tensors[0]


def logits_model(model: keras.Model, activation: str = "softmax") -> keras.Model:
    """Returns a model whose output is the logits: `model` itself, or a view that shares its layers.

    A functional or sequential model that ends in softmax is cut before it; one that ends in sigmoid
    with `activation="sigmoid"`. The view runs the same
    layers with the same weights, so training the view trains the model. The model itself is not
    changed. It has one output, `(batch, classes)`, and is built if it is sequential.

    Examples:
        >>> last = keras.layers.Dense(3, activation="softmax")
        >>> model = keras.Sequential([keras.Input((2,)), last])
        >>> float(keras.ops.sum(logits_model(model)(keras.ops.zeros((1, 2)))))
        0.0
    """
    if not ends_in_softmax(model, activation):
        return model
    last, called_on = last_call(model)
    if isinstance(last, keras.Model):
        logits = logits_model(last, activation)(called_on)
    elif isinstance(last, (keras.layers.Softmax, keras.layers.Activation)):
        logits = called_on
    else:
        logits = _WithoutActivation(last)(called_on)
    return keras.Model(inputs_of(model), logits, name=f"{model.name}_logits")


def check_logits(outputs, model: keras.Model, role: str):
    """Refuses outputs that cannot be logits."""
    shape = getattr(outputs, "shape", None)
    if shape is None or len(shape) != 2:
        found = type(outputs).__name__ if shape is None else f"shape {tuple(shape)}"
        raise UserError(
            f"The {role} {model.name!r} returns {found}; it must return one tensor of logits, "
            "shape (batch, classes)."
        )
    # Keras' TensorFlow backend marks the outputs of its softmax and sigmoid. Nothing else tells
    # the last operation of a subclassed model before values are known.
    if hasattr(outputs, "_keras_logits"):
        raise UserError(
            f"The {role} {model.name!r} returns probabilities (it ends in softmax or sigmoid), "
            "and its logits are out of reach: let it return logits, by dropping the final "
            "activation (activation=None)."
        )
    return outputs


def are_probabilities(rows):
    """Returns for each row whether it has no negative value and sums to 1, up to rounding."""
    is_coarse = keras.backend.standardize_dtype(rows.dtype) == "bfloat16"
    tolerance = 3e-2 if is_coarse else 1e-2  # float16 rounds each of a thousand probabilities
    rows = ops.cast(rows, "float32")
    is_near = ops.absolute(ops.sum(rows, axis=-1) - 1.0) <= tolerance
    return ops.logical_and(ops.all(rows >= 0, axis=-1), is_near)

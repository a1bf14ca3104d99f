"""Logits from models that end in softmax: taken where that can be done, refused where it cannot."""

import keras

from distill.errors import UserError


class _WithoutActivation(keras.layers.Layer):
    """Calls a layer of somebody's model, weights and all, without its final activation."""

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


def ends_in_softmax(model: keras.Model) -> bool:
    """Tells whether the last layer of a functional or sequential model applies softmax.

    The last layer may be such a model itself.

    Args:
        model: a Keras model. Of a subclassed model nothing can be told before it runs.

    Returns:
        `True` or `False`.

    Example:

    >>> ends_in_softmax(keras.Sequential([keras.layers.Dense(10, activation="softmax")]))
    True
    """
    if isinstance(model, keras.Sequential):
        last = model.layers[-1] if model.layers else None
    else:
        last = last_call(model)[0]
    if isinstance(last, keras.Model):
        return ends_in_softmax(last)
    if isinstance(last, keras.layers.Softmax):
        return True
    return getattr(last, "activation", None) is keras.activations.softmax


def last_call(model: keras.Model) -> tuple:
    """Returns the layer that gives the model's one output, and what it is called on there.

    Both are `None` for a subclassed or unbuilt model, or one of several outputs.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) > 1:
        return None, None  # subclassed, unbuilt or of several outputs
    # Not `layer.input`: that is of the layer's first call, which another model may have made.
    layer, call, _ = outputs[0]._keras_history
    return layer, layer._inbound_nodes[call].input_tensors[0]


def logits_model(model: keras.Model) -> keras.Model:
    """Returns a model whose output is the logits: `model` itself, or a view that shares its layers.

    A functional or sequential model that ends in softmax is cut before it: the view runs the same
    layers with the same weights, so that training the view trains the model. Nothing of the model
    is changed.

    Args:
        model: a Keras model with one output of shape `(batch, classes)`, built if it is
            sequential.

    Returns:
        A Keras model of the same inputs.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    >>> float(keras.ops.sum(logits_model(model)(keras.ops.zeros((1, 2)))))
    0.0
    """
    if not ends_in_softmax(model):
        return model
    last, called_on = last_call(model)
    if isinstance(last, keras.Model):
        logits = logits_model(last)(called_on)
    elif isinstance(last, (keras.layers.Softmax, keras.layers.Activation)):
        logits = called_on
    else:
        logits = _WithoutActivation(last)(called_on)
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(inputs, logits, name=f"{model.name}_logits")


def check_logits(outputs, model: keras.Model, role: str):
    """Refuses what cannot be logits, while the model is traced.

    Args:
        outputs: what the model returned.
        model: the model, for its name.
        role: `"teacher"` or `"student"`, for the message.

    Returns:
        `outputs`.

    Raises:
        UserError: they are not one tensor `(batch, classes)`, or come out of softmax or sigmoid.
    """
    shape = getattr(outputs, "shape", None)
    if shape is None or len(shape) != 2:
        found = type(outputs).__name__ if shape is None else f"shape {tuple(shape)}"
        raise UserError(
            f"The {role} {model.name!r} returns {found}; it must return one tensor of logits, "
            "shape (batch, classes)."
        )
    # Keras' TensorFlow backend leaves this mark on the outputs of its softmax and sigmoid, which is
    # all that a subclassed model shows of its last operation.
    if hasattr(outputs, "_keras_logits"):
        raise UserError(
            f"The {role} {model.name!r} returns probabilities (it ends in softmax or sigmoid), and "
            "its logits cannot be taken from outside: let it return logits, by dropping the final "
            "activation (activation=None)."
        )
    return outputs

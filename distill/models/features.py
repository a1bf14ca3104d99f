"""Features: what a layer inside a model gives, beside the model's logits."""

import keras

from distill.errors import UserError
from distill.models.logits import logits_model


def feature_model(model: keras.Model, layer: str | None = None) -> keras.Model:
    """Returns a view of a model whose outputs are its logits and the features of one layer.

    The view shares all layers: training it trains the model. Nothing of the model is changed.

    Args:
        model: a functional or sequential Keras model with one output `(batch, classes)`.
        layer: a layer's name. `None`: what the last layer, that of the logits, is called on.

    Returns:
        A Keras model, inputs -> `(logits, features)`.

    Raises:
        UserError: a subclassed model or one of several outputs, one that has no such layer, or
            one whose last layer has several inputs or is a model itself.

    Example:

    >>> layers = [keras.layers.Dense(8, name="hidden"), keras.layers.Dense(3)]
    >>> model = keras.Sequential([keras.Input((2,)), *layers])
    >>> feature_model(model).output_shape
    [(None, 3), (None, 8)]
    """
    view = logits_model(model)
    if len(getattr(view, "outputs", None) or ()) != 1:
        raise UserError(
            f"The model {model.name!r} is a subclassed one, or has several outputs, so that its "
            "layers cannot be looked at; make a functional one of it that returns logits, or "
            "choose a method that compares logits alone."
        )
    calls = _calls_before(view.outputs[0])
    if layer is None:
        last, inputs, _ = calls[0]
        if isinstance(last, keras.Model) or len(inputs) != 1:
            raise UserError(
                f"The features before the logits of {model.name!r} cannot be told, because it ends "
                f"in {last.name!r}, a layer of several inputs or a model; name a layer."
            )
        features = inputs[0]
    else:
        outputs = {each.name: output for each, _, output in reversed(calls)}
        if layer not in outputs:
            raise UserError(
                f"The model {model.name!r} has no layer {layer!r} on the way to its logits; "
                f"choose one of {', '.join(outputs)}."
            )
        features = outputs[layer]
    inputs = view.inputs[0] if isinstance(view, keras.Sequential) else view.input
    return keras.Model(inputs, [view.outputs[0], features], name=f"{model.name}_features")


def _calls_before(output):
    """Calls of layers that lead to an output, the last one first: layer, inputs, output."""
    calls, seen, waiting = [], set(), [output]
    while waiting:
        tensor = waiting.pop(0)
        # Of this model's call of a layer: other models may have called it, too.
        layer, call, _ = tensor._keras_history
        if tensor in seen or isinstance(layer, keras.layers.InputLayer):
            continue
        seen.add(tensor)
        inputs = layer._inbound_nodes[call].input_tensors
        calls.append((layer, inputs, tensor))
        waiting += inputs
    return calls

"""Features: outputs of layers inside a model, beside its logits."""

from collections.abc import Sequence

import keras

from distill.errors import UserError
from distill.models.logits import logits_model


def feature_model(
    model: keras.Model, layers: Sequence[str | None] = (None,), activation: str = "softmax"
) -> keras.Model:
    """Returns a view of a model whose outputs are its logits and the features of some layers.

    The view, inputs -> `[logits, *features]`, shares all layers: training it trains the model. The
    name `None` is the penultimate output, the input of the logits' layer. The logits are before an
    `activation` at the model's end, `"softmax"` or `"sigmoid"`.

    Raises:
        UserError: the model is subclassed or has several outputs, has no such layer, or has no
            single penultimate output.

    Examples:
        >>> layers = [keras.layers.Dense(8, name="hidden"), keras.layers.Dense(3)]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> feature_model(model, ["hidden"]).output_shape
        [(None, 3), (None, 8)]
    """
    view = logits_model(model, activation)
    if len(getattr(view, "outputs", None) or ()) != 1:
        raise UserError(
            f"The model {model.name!r} is subclassed or has several outputs, so the outputs of its "
            "layers are out of reach; write it as a functional model that returns logits, or "
            "choose a method that compares logits only."
        )
    calls = _calls_before(view.outputs[0])
    # Reversed, so that of several calls of a layer the last one counts.
    outputs = {layer.name: output for layer, _, output in reversed(calls)}
    features = []
    for name in layers:
        if name is None:
            features.append(_penultimate(model, *calls[0][:2]))
        elif name in outputs:
            features.append(outputs[name])
        else:
            raise UserError(
                f"The model {model.name!r} has no layer {name!r} on the way to its logits; "
                f"choose one of {', '.join(outputs)}."
            )
    inputs = view.inputs[0] if isinstance(view, keras.Sequential) else view.input
    return keras.Model(inputs, [view.outputs[0], *features], name=f"{model.name}_features")


def _penultimate(model, last, inputs):
    if isinstance(last, keras.Model) or len(inputs) != 1:
        raise UserError(
            f"The model {model.name!r} ends in {last.name!r}, a layer of several inputs or a "
            "model, so it has no penultimate output; name a layer."
        )
    return inputs[0]


def _calls_before(output):
    """Returns the calls of layers that lead to an output, last one first: layer, inputs, output."""
    calls, seen, waiting = [], set(), [output]
    while waiting:
        tensor = waiting.pop(0)
        # The call of the layer in this model; other models may have called it as well.
        layer, call, _ = tensor._keras_history
        if tensor in seen or isinstance(layer, keras.layers.InputLayer):
            continue
        seen.add(tensor)
        inputs = layer._inbound_nodes[call].input_tensors
        calls.append((layer, inputs, tensor))
        waiting += inputs
    return calls

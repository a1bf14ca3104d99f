"""Features: outputs of layers inside a model, beside its logits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from distill.errors import UserError
from distill.models.logits import inputs_of, logits_model


class _Call(NamedTuple):
    """One call of a layer in a model; the name of a layer in an inner model is `inner/layer`."""

    name: str
    layer: keras.layers.Layer
    inputs: list
    output: Any


def feature_model(
    model: keras.Model, layers: Sequence[str | None] = (None,), activation: str = "softmax"
) -> keras.Model:
    """Returns a view of a model whose outputs are its logits and the features of some layers.

    The view, inputs -> `[logits, *features]`, shares all layers: training it trains the model. The
    name `None` is the penultimate output, the input of the logits' layer. The logits are before an
    `activation` at the model's end, `"softmax"` or `"sigmoid"`. A layer inside an inner model is
    named `inner/layer`, or `layer` if no other one has that name.

    Raises:
        UserError: the model is subclassed or has several outputs, has no such layer, or has no
            single penultimate output.

    Examples:
        >>> layers = [keras.layers.Dense(8, name="hidden"), keras.layers.Dense(3)]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> feature_model(model, ["hidden"]).output_shape
        [(None, 3), (None, 8)]
    """
    calls = _calls(model, activation)
    # Of several calls of a layer, the last one counts.
    outputs = {call.name: call.output for call in calls}
    for short in (name.rpartition("/")[2] for name in [*outputs]):
        named = [name for name in outputs if name.endswith(f"/{short}")]
        if len(named) == 1:
            outputs.setdefault(short, outputs[named[0]])
    features = []
    for name in layers:
        if name is None:
            features.append(_penultimate(model, calls[-1]))
        elif name in outputs:
            features.append(outputs[name])
        else:
            known = dict.fromkeys(call.name for call in calls)
            raise UserError(
                f"The model {model.name!r} has no layer {name!r} on the way to its logits; "
                f"choose one of {', '.join(known)}."
            )
    return keras.Model(
        inputs_of(model), [calls[-1].output, *features], name=f"{model.name}_features"
    )


def stage_layers(model: keras.Model) -> list[str]:
    """Returns the layers at the ends of a convolutional model's stages, from input to output.

    A stage is what has the same height and width, with at least one convolution and more than one
    position. Its end is the last layer on the way to the logits.

    Raises:
        UserError: the model is subclassed or has several outputs, or has no such stage.

    Examples:
        >>> from distill.models import build_model
        >>> stage_layers(build_model("resnet20", (32, 32, 3), 10))
        ['stage1_block3_relu2', 'stage2_block3_relu2', 'stage3_block3_relu2']
    """
    ends, with_convolution = {}, set()
    for call in _calls(model):
        shape = getattr(call.output, "shape", ())
        if len(shape) != 4 or None in shape[1:3] or tuple(shape[1:3]) == (1, 1):
            continue
        ends[shape[1:3]] = call.name
        if any(len(weight.shape) == 4 for weight in call.layer.weights):
            with_convolution.add(shape[1:3])
    found = [name for size, name in ends.items() if size in with_convolution]
    if not found:
        raise UserError(
            f"The model {model.name!r} has no feature maps (batch, height, width, channels) from "
            "convolutions; name layers with teacher_layers and student_layers, or choose a method "
            "that compares logits only."
        )
    return found


def _calls(model, activation="softmax"):
    """Returns the calls of layers from the inputs to the logits, in the order of computation."""
    view = logits_model(model, activation)
    if len(getattr(view, "outputs", None) or ()) != 1:
        raise UserError(
            f"The model {model.name!r} is subclassed or has several outputs, so the outputs of its "
            "layers are out of reach; write it as a functional model that returns logits, or "
            "choose a method that compares logits only."
        )
    calls = []
    _run(view, inputs_of(view), calls)
    return calls


def _run(model, inputs, calls, prefix="", training=None):
    """Calls the layers of a model one by one, those of inner models too; returns the output."""

    def recorded(layer):
        def call(*args, **kwargs):
            if isinstance(layer, keras.Sequential) or hasattr(layer, "_run_through_graph"):
                mode = kwargs.get("training", training)
                return _run(layer, args[0], calls, f"{prefix}{layer.name}/", mode)
            if training is not None and layer._call_has_training_arg:
                kwargs.setdefault("training", training)
            output = layer(*args, **kwargs)
            given = [each for each in keras.tree.flatten(args) if hasattr(each, "_keras_history")]
            calls.append(_Call(prefix + layer.name, layer, given, output))
            return output

        return call

    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(inputs, operation_fn=recorded)


def _penultimate(model, last):
    if len(last.inputs) != 1:
        raise UserError(
            f"The model {model.name!r} ends in {last.name!r}, a layer of several inputs, so it has "
            "no penultimate output; name a layer."
        )
    return last.inputs[0]

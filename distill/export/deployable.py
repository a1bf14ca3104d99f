"""`deployable`: the student alone, as one Keras model with all that a program needs inside."""

import keras

from distill.data import LARGEST, SMALLEST
from distill.errors import UserError, check_number
from distill.models import ends_in_softmax, logits_model
from distill.models.resized import resized

INPUT = "images"
LOGITS, PROBABILITIES = "logits", "probabilities"


def deployable(
    model: keras.Model, softmax: bool = False, input_size: int | None = None
) -> keras.Model:
    """Wraps a classifier in the Keras model that an exporter writes.

    Its input is named `images`: float32 `(batch, height, width, channels)`, values 0 to 255. Its
    output is named `logits` or `probabilities`: float32 `(batch, classes)`. The wrapper shares the
    layers of the model. A model that computes in lower precision is copied to float32, because the
    runtimes on processors compute in float32.

    Args:
        model: a Keras classifier of one input. Its own layers rescale the pixels.
        softmax: return probabilities instead of logits.
        input_size: height and width of the images that the wrapper takes, in pixels. It resizes
            them to the model's size: bilinear, with antialiasing, as `distill.data` does, but
            without rounding to whole values. `None`: images of the model's own size.

    Returns:
        A functional Keras model.

    Raises:
        UserError: a layer cannot be exported, or the model has no fixed input and output shape.

    Examples:
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        >>> wrapped = deployable(model, softmax=True, input_size=32)
        >>> wrapped.input_shape, wrapped.output_names
        ((None, 32, 32, 1), ['probabilities'])
    """
    refuse_lambdas(model)
    shape = _input_shape(model)
    model = _in_float32(model)
    images = keras.Input(shape, name=INPUT)
    if input_size is not None:
        wanted = f"a whole number of pixels, {SMALLEST} to {LARGEST}"
        if check_number("input_size", input_size, wanted, least=SMALLEST, most=LARGEST) % 1:
            raise UserError(f"input_size is {input_size!r}, and must be {wanted}.")
        input_size = int(input_size)
        images = keras.Input((input_size, input_size, shape[2]), name=INPUT)
    inner = images if input_size is None else resized(images, shape[:2])
    if softmax and ends_in_softmax(model):
        outputs = model(inner)
        outputs = keras.layers.Activation("linear", name=PROBABILITIES)(outputs)
    elif softmax:
        outputs = keras.layers.Softmax(name=PROBABILITIES)(model(inner))
    else:
        outputs = keras.layers.Activation("linear", name=LOGITS)(logits_model(model)(inner))
    if len(outputs.shape) != 2 or outputs.shape[1] is None:
        raise UserError(
            f"The model {model.name!r} returns shape {tuple(outputs.shape)}; it must return one "
            "tensor of logits, shape (batch, classes)."
        )
    return keras.Model(images, outputs, name=model.name)


def refuse_lambdas(model: keras.Model) -> None:
    """Raises a `UserError` that names the `Lambda` layers of a model, if it has any."""
    if names := [
        layer.name for layer in model._flatten_layers() if isinstance(layer, keras.layers.Lambda)
    ]:
        raise UserError(lambda_sentence(model.name, names))


def lambda_sentence(model: str, names: list[str]) -> str:
    """Returns what is wrong with `Lambda` layers, and what to do."""
    named = ", ".join(map(repr, names))
    return (
        f"The model {model!r} has Lambda layers ({named}), whose Python code is not safe to load "
        "from a file; replace each by a built-in layer or by a registered class of layer."
    )


def _input_shape(model):
    if len(getattr(model, "inputs", None) or [None]) != 1:
        raise UserError(
            f"The model {model.name!r} has {len(model.inputs)} inputs; an exported model has one, "
            "a batch of images."
        )
    shape = getattr(model, "input_shape", None)
    if shape is None or isinstance(shape, list | dict) or len(shape) != 4 or None in shape[1:]:
        raise UserError(
            f"The input shape of the model {model.name!r} is {shape}; an exported model needs a "
            "fixed one, (None, height, width, channels): build the model with keras.Input."
        )
    return shape[1:]


def _in_float32(model):
    """The model itself, or a copy in float32 of one that computes in lower precision."""
    if all(layer.compute_dtype == "float32" for layer in model._flatten_layers()):
        return model
    return plain_copy(model, "float32")


def plain_copy(model: keras.Model, dtype: str | None = None) -> keras.Model:
    """Copies a model, with the models inside it, without optimizers and losses.

    Args:
        model: the model. The function does not change it.
        dtype: the copy's precision. Default: that of each layer.

    Returns:
        A model of the same type.
    """

    def plain(value):
        if isinstance(value, dict):
            if dtype and value.get("class_name") == "DTypePolicy":
                return value | {"config": {"name": dtype}}
            return {key: plain(each) for key, each in value.items() if key != "compile_config"}
        return [plain(each) for each in value] if isinstance(value, list) else value

    config = plain(keras.saving.serialize_keras_object(model))
    copy = keras.saving.deserialize_keras_object(config, safe_mode=True)
    copy.set_weights(model.get_weights())
    return copy

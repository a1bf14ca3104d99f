"""A user's own model, from a file or a function, made to fit images and classes."""

from pathlib import Path

import keras

from distill.errors import UserError
from distill.files import load_model
from distill.models.composed import require_inputs, with_input_shape
from distill.models.logits import ends_in_softmax, inputs_of, last_call, last_layer


def model_from_file(
    path: Path | str, input_shape: tuple[int, ...], classes: int, random_weights: bool = False
) -> keras.Model:
    """Loads a model from a `.keras` file, which then returns logits; see `adapted`.

    Args:
        path: the file.
        input_shape: `(height, width, channels)` of images with values 0 to 255.
        classes: number of outputs that the model must have.
        random_weights: draw the weights again, in place of those in the file.

    Raises:
        UserError: the file holds no model, or one that does not fit.
    """
    what, model = f"model in {path}", load_model(path)
    if random_weights:
        try:
            model = keras.models.clone_model(model)
        except Exception as error:  # subclassed models
            raise UserError(
                f"The weights of the {what} cannot be drawn again, because it is neither "
                "functional nor sequential; start from those in the file."
            ) from error
    return adapted(with_input_shape(model, input_shape, what), what, input_shape, classes)


def adapted(
    model: keras.Model, what: str, input_shape: tuple[int, ...], classes: int
) -> keras.Model:
    """Checks that a model fits images and classes, and takes off a softmax at its end.

    The model is changed: a last layer with `activation="softmax"` becomes linear.

    Args:
        model: a new model, which nothing else uses.
        what: what it is, for messages, such as `"model 'mine:small'"`.
        input_shape: `(height, width, channels)` of the images.
        classes: number of outputs that it must have.

    Raises:
        UserError: it is no Keras model, or its inputs or outputs have other shapes.

    Examples:
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        >>> adapted(model, "model", (8, 8, 1), 3).layers[-1].activation.__name__
        'linear'
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            f"The {what} is a {type(model).__name__}, and must be a keras.Model; let the function "
            "(input_shape, classes) return one."
        )
    require_inputs(model, what, input_shape)
    outputs = model(keras.ops.zeros((1, *input_shape)))  # builds it
    found = getattr(outputs, "shape", ("?",))
    if tuple(found) != (1, classes):
        raise UserError(
            f"The {what} has outputs of shape {tuple(found)[1:]}, and the data have {classes} "
            "classes; give a model with one output for each class."
        )
    return _without_softmax(model)


def _without_softmax(model):
    if not ends_in_softmax(model):
        return model
    last = last_layer(model)
    if isinstance(last, keras.Model):
        inner = _without_softmax(last)
        if inner is not last:
            raise UserError(
                f"The softmax of the model {model.name!r} lies in an inner model; let the model "
                "return logits, without its final softmax."
            )
    elif isinstance(last, keras.layers.Softmax):
        return keras.Model(inputs_of(model), last_call(model)[1], name=model.name)
    else:
        last.activation = keras.activations.linear
    return model

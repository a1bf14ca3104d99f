"""Models made from trained models: a new classifier on a frozen backbone, an ensemble."""

from collections.abc import Sequence

import keras

from distill.errors import UserError
from distill.models.logits import inputs_of, last_call


def copy_of(
    model: keras.Model, weights: Sequence | None = None, name: str | None = None
) -> keras.Model:
    """Copies a model without its optimizer and losses, so that its file does not need `distill`.

    The copy can have other weights, as `get_weights` returns them, and another name.
    """
    renamed = {} if name is None else {"name": name}
    copy = type(model).from_config(model.get_config() | renamed)
    copy.set_weights(model.get_weights() if weights is None else weights)
    return copy


def require_classifier(model: keras.Model) -> keras.layers.Dense:
    """Returns a model's last layer, which must be a dense layer."""
    layer, _ = last_call(model)
    if not isinstance(layer, keras.layers.Dense):
        raise UserError(
            f"The model {model.name!r} does not end in a dense layer, so there is no classifier to "
            "change: choose a model that ends in one."
        )
    return layer


def with_new_classifier(model: keras.Model, classes: int) -> keras.Model:
    """Copies a trained model, replaces its classifier and freezes all other layers.

    Only the new classifier has trainable weights. Batch normalisation runs in inference mode, also
    during training, so that the features are those of the given model.

    Raises:
        UserError: the model does not end in a dense layer.

    Examples:
        >>> layers = [keras.layers.Dense(3), keras.layers.Dense(2)]
        >>> model = keras.Sequential([keras.Input((4,)), *layers])
        >>> new = with_new_classifier(model, classes=5)
        >>> new.output_shape, [tuple(weight.shape) for weight in new.trainable_weights]
        ((None, 5), [(3, 5), (5,)])
    """
    old = require_classifier(model)
    copy = copy_of(model)
    _, features = last_call(copy)
    logits = keras.layers.Dense(classes, name=old.name, dtype="float32")(features)
    new = keras.Model(inputs_of(copy), logits, name=model.name)
    for layer in new.layers[:-1]:
        layer.trainable = False
    return new


def with_input_shape(
    model: keras.Model, input_shape: tuple[int, ...], what: str = "model"
) -> keras.Model:
    """Returns a model for images of one size: a copy if it takes any size, or itself if it fits.

    Raises:
        UserError: it takes images of another size.

    Examples:
        >>> layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
        >>> model = keras.Sequential([keras.Input((None, None, 3)), *layers])
        >>> with_input_shape(model, (96, 96, 3)).input_shape
        (None, 96, 96, 3)
    """
    require_inputs(model, what, input_shape)
    if None not in (getattr(model, "input_shape", None) or ())[1:]:
        return model
    inputs = keras.Input(input_shape, dtype=model.inputs[0].dtype)
    # Some models were made with a list of one input.
    is_list = isinstance(inputs_of(model), list)
    copy = keras.models.clone_model(model, input_tensors=[inputs] if is_list else inputs)
    copy.set_weights(model.get_weights())
    return keras.Model(inputs, copy.outputs[0], name=model.name) if is_list else copy


def require_inputs(model: keras.Model, what: str, input_shape: tuple[int, ...]) -> None:
    """Refuses a built model that does not take images of this shape."""
    found = getattr(model, "input_shape", None)
    if found is None:
        return  # it is not built, or subclassed
    found = found[1:] if isinstance(found, tuple) else found
    sizes = zip(found, input_shape, strict=False)
    if len(found) != len(input_shape) or any(own not in (None, size) for own, size in sizes):
        raise UserError(
            f"The {what} takes inputs of shape {found}, and the images have shape "
            f"{tuple(input_shape)}; set --image-size, or choose another model."
        )


def mean_of_logits(models: Sequence[keras.Model]) -> keras.Model:
    """Builds an ensemble of copies of models, whose logits are the mean of the models' logits.

    At any temperature, its soft targets are the normalized geometric mean of the models' soft
    targets, one of the two means that Hinton, Vinyals and Dean (2015) propose.

    Examples:
        >>> def make():
        ...     return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> models = [make(), make()]
        >>> mean_of_logits(models).output_shape
        (None, 3)

    Reference: Hinton et al. (2015), section 1, https://arxiv.org/abs/1503.02531.
    """
    inputs = keras.Input(models[0].input_shape[1:], name="image")
    logits = [
        copy_of(model, name=f"teacher{number}")(inputs) for number, model in enumerate(models, 1)
    ]
    return keras.Model(inputs, keras.layers.Average(name="logits")(logits), name="ensemble")

"""Models made of trained ones: a new classifier on a frozen backbone, an ensemble."""

from collections.abc import Sequence

import keras

from distill.errors import UserError
from distill.models.logits import last_call


def copy_of(
    model: keras.Model, weights: Sequence | None = None, name: str | None = None
) -> keras.Model:
    """Returns the same model again: uncompiled, so that its file needs nothing of this package.

    Args:
        model: the model, which is not changed.
        weights: the copy's, as `get_weights` gives them; by default the model's.
        name: the copy's; by default the model's.

    Returns:
        A model of the same type.
    """
    renamed = {} if name is None else {"name": name}
    copy = type(model).from_config(model.get_config() | renamed)
    copy.set_weights(model.get_weights() if weights is None else weights)
    return copy


def require_classifier(model: keras.Model) -> keras.layers.Dense:
    """Returns the dense layer in which a model ends.

    Raises:
        UserError: it ends in something else.
    """
    layer, _ = last_call(model)
    if not isinstance(layer, keras.layers.Dense):
        raise UserError(
            f"The model {model.name!r} does not end in a dense layer, and so has no classifier "
            "that could be changed; choose a model that does."
        )
    return layer


def with_new_classifier(model: keras.Model, classes: int) -> keras.Model:
    """Replaces the classifier of a trained model and freezes all else of it.

    The features are those of the given model; batch normalisation stays in inference mode, in
    training too. Only the new classifier has trainable weights.

    Args:
        model: a functional model that ends in a dense layer.
        classes: number of logits of the new classifier, whose weights are fresh.

    Returns:
        Another model; the given one is not changed.

    Raises:
        UserError: the model does not end in a dense layer.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    >>> new = with_new_classifier(model, classes=5)
    >>> new.output_shape, [tuple(weight.shape) for weight in new.trainable_weights]
    ((None, 5), [(3, 5), (5,)])
    """
    old = require_classifier(model)
    copy = copy_of(model)
    _, features = last_call(copy)
    logits = keras.layers.Dense(classes, name=old.name, dtype="float32")(features)
    inputs = copy.inputs[0] if isinstance(copy, keras.Sequential) else copy.input
    new = keras.Model(inputs, logits, name=model.name)
    for layer in new.layers[:-1]:
        layer.trainable = False
    return new


def mean_of_logits(models: Sequence[keras.Model]) -> keras.Model:
    """Returns an ensemble: its logits are the mean of the models' logits.

    Softmax of a mean of logits is, at any temperature, the normalised geometric mean of the
    models' soft targets, one of the two means that Hinton, Vinyals and Dean (2015) name.

    Args:
        models: of one input shape and the same classes.

    Returns:
        A model that holds copies of them.

    Example:

    >>> models = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]) for _ in range(2)]
    >>> mean_of_logits(models).output_shape
    (None, 3)
    """
    inputs = keras.Input(models[0].input_shape[1:], name="image")
    logits = [
        copy_of(model, name=f"teacher{number}")(inputs) for number, model in enumerate(models, 1)
    ]
    return keras.Model(inputs, keras.layers.Average(name="logits")(logits), name="ensemble")

"""Fully connected networks: the MLPs of Hinton et al. on MNIST, and a small pair."""

import keras
from keras import layers

from distill.errors import check_number


def mlp(
    input_shape: tuple[int, ...],
    classes: int,
    hidden: int = 800,
    depth: int = 2,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    linear_last: bool = False,
    max_norm: float | None = None,
) -> keras.Model:
    """Builds a multi-layer perceptron with ReLU after each hidden layer.

    The defaults give the student of Hinton et al. on MNIST, 784-800-800-10. Their teacher has
    `hidden=1200, dropout=0.5, input_dropout=0.2`.

    Args:
        input_shape: `(height, width, channels)`, values 0 to 255.
        classes: number of logits.
        hidden: units of each hidden layer.
        depth: number of hidden layers, 1 or more.
        dropout: dropout rate after each hidden layer, 0 to 1.
        input_dropout: dropout rate on the pixels, 0 to 1.
        linear_last: no ReLU after the last hidden layer.
        max_norm: the weight constraint of Hinton et al. (2012): after each step, the incoming
            weights of each hidden unit are scaled down to at most this Euclidean norm. A number
            above 0, or `None` for no constraint.

    References: Hinton, Vinyals and Dean (2015), section 3, https://arxiv.org/abs/1503.02531;
    Hinton et al. (2012), https://arxiv.org/abs/1207.0580, for the weight constraint.
    """
    check_number("depth", depth, "1 or more", least=1)
    if max_norm is not None:
        check_number("max_norm", max_norm, "a positive number, or none", above=0)
    constraint = None if max_norm is None else keras.constraints.MaxNorm(max_norm, axis=0)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.Flatten(name="flatten")(x)
    if input_dropout:
        x = layers.Dropout(input_dropout, name="input_dropout")(x)
    for number in range(1, depth + 1):
        x = layers.Dense(
            hidden,
            activation="linear" if linear_last and number == depth else "relu",
            kernel_constraint=constraint,
            name=f"hidden{number}",
        )(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name="mlp")


def linear_teacher(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds the teacher of the recipe `mnist-linear`, 784-1200-1200-10 with dropout 0.5.

    Its second hidden layer has no ReLU. The code of the recipe's source has one; the results page
    of the recipe was made with the network as it is here.
    """
    return mlp(input_shape, classes, hidden=1200, depth=2, dropout=0.5, linear_last=True)


def linear_student(input_shape: tuple[int, ...], classes: int, hidden: int = 50) -> keras.Model:
    """Builds the student of the recipe `mnist-linear`, 784-50-10 with ReLU."""
    return mlp(input_shape, classes, hidden=hidden, depth=1)

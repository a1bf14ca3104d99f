"""Fully connected networks: Hinton's MLPs on MNIST, and the nearly linear pair of a blog post."""

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
    """Multi-layer perceptron on pixels 0 to 255, ending in logits.

    With the defaults, Hinton's student on MNIST, 784-800-800-10. His teacher is `hidden=1200`,
    with `dropout=0.5, input_dropout=0.2` (Hinton et al. 2015, section 3).

    Args:
        input_shape: `(height, width, channels)`.
        classes: number of logits.
        hidden: units of each hidden layer.
        depth: number of hidden layers, 1 or more.
        dropout: rate after each hidden layer, 0 to 1.
        input_dropout: rate on the pixels, 0 to 1.
        linear_last: no ReLU after the last hidden layer.
        max_norm: the weight constraint of Hinton et al. (2012): after each step, the incoming
            weights of a hidden unit are scaled down to this Euclidean norm; above 0. `None`: none.

    Returns:
        A `keras.Model`.
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
    """The blog post's teacher, 784-1200-1200-10: dropout 0.5, the second hidden layer linear."""
    return mlp(input_shape, classes, hidden=1200, depth=2, dropout=0.5, linear_last=True)


def linear_student(input_shape: tuple[int, ...], classes: int, hidden: int = 50) -> keras.Model:
    """The blog post's student, 784-50-10."""
    return mlp(input_shape, classes, hidden=hidden, depth=1)

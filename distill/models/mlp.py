"""Fully connected networks: Hinton's MLPs on MNIST, and the nearly linear pair of a blog post."""

import keras
from keras import layers


def mlp(
    input_shape, classes, hidden=800, depth=2, dropout=0.0, input_dropout=0.0, linear_last=False
):
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

    Returns:
        A `keras.Model`.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.Flatten(name="flatten")(x)
    if input_dropout:
        x = layers.Dropout(input_dropout, name="input_dropout")(x)
    for number in range(1, depth + 1):
        is_linear = linear_last and number == depth
        x = layers.Dense(hidden, "linear" if is_linear else "relu", name=f"hidden{number}")(x)
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

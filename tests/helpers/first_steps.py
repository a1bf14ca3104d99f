"""The losses and gradients of the first step of each method, from weights that no backend chose.

`KERAS_BACKEND=jax python tests/helpers/first_steps.py FILE.npz` writes them.
"""

import sys

import keras
import numpy as np
from keras import layers, ops

from distill.distiller import Distiller
from distill.distiller.backend import value_and_gradients
from distill.distiller.targets import Targets
from distill.methods import METHODS

EXAMPLES = 6
IMAGES = np.random.default_rng(0).normal(size=(EXAMPLES, 8, 8, 3)).astype("float32")
LABELS = np.arange(EXAMPLES) % 4
NAMES = sorted({*METHODS} - {"multi_label_kd"})


def network(name, first, second):
    """Two stages with batch normalisation; no dropout, whose random numbers are the backend's."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(first, 3, padding="same", activation="relu"),
            layers.Conv2D(second, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ],
        name=name,
    )


def distiller_of(method):
    """A distiller whose weights are the same in each backend."""
    channels = (4, 5) if method == "fsp" else (6, 8)
    distiller = Distiller(
        teacher=network("teacher", *channels),
        student=network("student", 4, 5),
        method=method,
        alpha=0.3,
        examples=EXAMPLES,
    )
    random = np.random.default_rng(1)
    for model in (distiller.teacher, distiller.student, distiller.method):
        for weight in model.weights:
            if "int" in str(weight.dtype):
                continue  # the order of crd's negatives
            values = random.normal(scale=0.5, size=weight.shape)
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    distiller.compile(keras.optimizers.SGD(0.01))
    return distiller


def first_step(method):
    """Returns all losses of the first step and all gradients, as arrays by name."""
    distiller = distiller_of(method)
    targets = Targets(ops.convert_to_tensor(LABELS), ops.arange(EXAMPLES, dtype="int32"))
    x = ops.convert_to_tensor(IMAGES)
    if method == "crd":
        order = np.arange(distiller.method.order.shape[0]) % EXAMPLES
        distiller.method.order.assign(order)
    teacher = distiller.teacher_side(x, targets)

    def loss():
        losses, _ = distiller._training_losses(x, targets, None, teacher, True)
        return losses["loss"], losses

    variables = distiller.trainable_variables
    (_, losses), gradients = value_and_gradients(loss, variables)
    found = {name: ops.convert_to_numpy(value) for name, value in losses.items()}
    for number, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        if gradient is None:
            gradient = ops.zeros(variable.shape)
        found[f"gradient {number}, {variable.name}"] = ops.convert_to_numpy(gradient)
    return found


def all_first_steps():
    return {
        f"{method}:{name}": values
        for method in NAMES
        for name, values in first_step(method).items()
    }


if __name__ == "__main__":
    np.savez(sys.argv[1], **all_first_steps())

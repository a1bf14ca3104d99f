"""Inputs and gradients for the tests of methods."""

import keras
import numpy as np
import pytest
from keras import ops

from distill.distiller.backend import value_and_gradients
from distill.methods import Batch, Outputs

has_float64 = keras.backend.backend() != "jax"
not_on_torch = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras on PyTorch has no compiled steps of this kind"
)
needs_float64 = pytest.mark.skipif(not has_float64, reason="JAX computes in float32")


def normal(*shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype("float32")


def logits_pair(examples=7, classes=5, scale=3.0, seed=0):
    """Logits of a teacher and a student."""
    return (normal(examples, classes, seed=seed + each, scale=scale) for each in (1000, 2000))


def losses(method, teacher, student, temperature=1.0, **batch):
    """The parts of a method for logits, or for whole outputs, as arrays."""
    teacher, student = (
        each if isinstance(each, Outputs) else Outputs(each) for each in (teacher, student)
    )
    parts = method(teacher, student, Batch(temperature=temperature, **batch))
    return {name: np.asarray(values) for name, values in parts.items()}


def gradient_at(loss, values):
    """The gradient of a function of one tensor."""
    variable = keras.Variable(values, dtype=keras.backend.standardize_dtype(values.dtype))
    _, (found,) = value_and_gradients(
        lambda: (loss(ops.convert_to_tensor(variable)), ()), [variable]
    )
    return ops.convert_to_numpy(found)


def mean_loss(parts):
    return sum(ops.mean(values) for values in parts.values())


def gradient(method, teacher, student, temperature=1.0, **batch):
    """The gradient of the mean loss with respect to the student's logits."""
    batch = Batch(temperature=temperature, **batch)
    return gradient_at(
        lambda logits: mean_loss(method(Outputs(teacher), Outputs(logits), batch)), student
    )


def finite_differences(method, teacher, student, step=1e-3, **batch):
    """The same gradient by central differences of the losses, in float64."""
    teacher, student = teacher.astype("float64"), student.astype("float64")
    found = np.zeros_like(student)
    for place in np.ndindex(*student.shape):
        means = []
        for sign in (1, -1):
            moved = student.copy()
            moved[place] += sign * step
            parts = losses(method, teacher, moved, **batch)
            means.append(sum(np.mean(values) for values in parts.values()))
        found[place] = (means[0] - means[1]) / (2 * step)
    return found


def outputs(*shapes, seed=0, examples=4):
    """The outputs of one model, with features of these shapes."""
    features = (
        normal(examples, *shape, seed=10 * seed + each) for each, shape in enumerate(shapes)
    )
    return Outputs(normal(examples, 3, seed=seed + 500), tuple(features))


def gradient_of_features(method, teacher, student):
    """The gradient of the mean loss with respect to the student's first features."""
    first, *others = student.features

    def loss(features):
        outputs = student._replace(features=(features, *others))
        return mean_loss(method(teacher, outputs, Batch(training=True)))

    return gradient_at(loss, first)


def convolved(maps, kernel):
    """A convolution with "same" padding and stride 1, in float64."""
    height, width = kernel.shape[:2]
    around = ((0, 0), (height // 2, height // 2), (width // 2, width // 2), (0, 0))
    padded, total = np.pad(maps.astype("float64"), around), 0.0
    for row, column in np.ndindex(height, width):
        part = padded[:, row : row + maps.shape[1], column : column + maps.shape[2]]
        total = total + part @ kernel[row, column].astype("float64")
    return total

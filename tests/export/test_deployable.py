"""The wrapped student: names, softmax, precision and resizing, against independent numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import softmax

from distill.errors import UserError
from distill.export.deployable import deployable, plain_copy, refuse_lambdas

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype("float32")


def dense(activation=None, dtype=None):
    last = layers.Dense(3, activation=activation, dtype=dtype)
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), last]
    )


def test_logits_are_those_of_the_model():
    model = dense()
    wrapped = deployable(model)
    assert ([each.name for each in wrapped.inputs], wrapped.output_names) == (
        ["images"],
        ["logits"],
    )
    np.testing.assert_array_equal(wrapped(IMAGES), model(IMAGES))


def test_softmax_is_applied_once():
    model = dense()
    wrapped = deployable(model, softmax=True)
    assert wrapped.output_names == ["probabilities"]
    expected = softmax(np.asarray(model(IMAGES), "float64"), axis=-1)
    np.testing.assert_allclose(wrapped(IMAGES), expected, rtol=1e-5)
    model = dense("softmax")
    np.testing.assert_array_equal(deployable(model, softmax=True)(IMAGES), model(IMAGES))
    np.testing.assert_allclose(
        softmax(deployable(model)(IMAGES), axis=-1), model(IMAGES), rtol=1e-5
    )


def test_half_precision_becomes_float32():
    model = dense(dtype="mixed_float16")
    wrapped = deployable(model)
    assert all(layer.compute_dtype == "float32" for layer in wrapped._flatten_layers())
    weights, bias = (weight.astype("float64") for weight in model.get_weights())
    expected = IMAGES.reshape(4, 64) / 255 @ weights + bias
    np.testing.assert_allclose(wrapped(IMAGES), expected, rtol=1e-4, atol=1e-5)
    assert model.layers[-1].compute_dtype == "float16"


def test_a_plain_copy_has_no_optimizer_inside():
    model = dense()
    model.compile("adam", "mse")
    copy = plain_copy(deployable(model))
    assert not any(getattr(layer, "optimizer", None) for layer in copy._flatten_layers())
    np.testing.assert_array_equal(copy(IMAGES), model(IMAGES))


def test_resizing_is_that_of_the_data():
    model = keras.Sequential([keras.Input((6, 9, 3)), layers.Flatten(), layers.Dense(3)])
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3)).astype("float32")
    wrapped = deployable(model, input_size=20)
    assert wrapped.input_shape == (None, 20, 20, 3)
    expected = model(tf.image.resize(images, (6, 9), antialias=True))
    np.testing.assert_allclose(wrapped(images), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("size", [7, 4097, 20.5, True])
def test_sizes_that_are_refused(size):
    with pytest.raises(UserError, match="must be a whole number of pixels, 8 to 4096"):
        deployable(dense(), input_size=size)


def test_lambdas_are_named():
    odd = layers.Lambda(lambda x: x, name="odd", output_shape=(3,))
    model = keras.Sequential([dense(), odd], name="outer")
    outer = keras.Sequential([keras.Input((8, 8, 1)), model], name="outer")
    with pytest.raises(UserError, match="'outer' has Lambda layers \\('odd'\\), whose Python code"):
        refuse_lambdas(outer)


def two_inputs():
    inputs = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.Add()(inputs))))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (two_inputs, "has 2 inputs"),
        (
            lambda: keras.Sequential([keras.Input((4,)), layers.Dense(3)]),
            r"shape .* is \(None, 4\)",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((None, None, 3)), layers.GlobalMaxPooling2D(), layers.Dense(3)]
            ),
            "needs a fixed one",
        ),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Dense(3)]), "returns shape"),
    ],
)
def test_models_that_are_refused(model, message):
    with pytest.raises(UserError, match=message):
        deployable(model())

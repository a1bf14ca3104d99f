"""Logits taken from models that end in softmax, in every way in which Keras writes that."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax

from distill.errors import UserError
from distill.models.logits import check_logits, ends_in_softmax, logits_model

IMAGES = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")


def functional(*last):
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="relu")(inputs)
    for layer in last:
        x = layer(x)
    return keras.Model(inputs, x)


ENDINGS = {
    "dense": lambda: functional(layers.Dense(3, activation="softmax")),
    "softmax layer": lambda: functional(layers.Dense(3), layers.Softmax()),
    "activation layer": lambda: functional(layers.Dense(3), layers.Activation("softmax")),
    "sequential": lambda: keras.Sequential(
        [keras.Input((6,)), layers.Dense(8), layers.Dense(3, activation="softmax")]
    ),
    "nested": lambda: functional(
        keras.Sequential([keras.Input((8,)), layers.Dense(3, activation="softmax")])
    ),
    "nested twice": lambda: keras.Sequential(
        [keras.Input((6,)), layers.Dense(6), functional(layers.Dense(3), layers.Softmax())]
    ),
    "TensorFlow's function": lambda: functional(layers.Dense(3, activation=tf.nn.softmax)),
    "function of keras.ops": lambda: functional(layers.Dense(3, activation=keras.ops.softmax)),
    "layer of TensorFlow's": lambda: functional(layers.Dense(3), layers.Activation(tf.nn.softmax)),
    "sequential, softmax layer": lambda: keras.Sequential(
        [keras.Input((6,)), layers.Dense(3), layers.Softmax()]
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_logits_behind_the_softmax(ending):
    model = ENDINGS[ending]()
    assert ends_in_softmax(model)
    view = logits_model(model)
    logits, probabilities = np.array(view(IMAGES)), np.array(model(IMAGES))
    assert logits.min() < 0
    np.testing.assert_allclose(log_softmax(logits, -1), np.log(probabilities), atol=1e-5)
    assert {id(v) for v in view.trainable_variables} == {id(v) for v in model.trainable_variables}
    np.testing.assert_allclose(model(IMAGES).numpy().sum(-1), 1.0, rtol=1e-5)


def test_a_last_layer_that_two_models_share():
    last = layers.Dense(3, activation="softmax")
    first, second = functional(last), functional(last)
    for model in (first, second):
        logits = np.array(logits_model(model)(IMAGES))
        np.testing.assert_allclose(
            log_softmax(logits, -1), np.log(np.array(model(IMAGES))), atol=1e-5
        )


def test_a_model_of_logits_is_left_as_it_is():
    model = functional(layers.Dense(3))
    assert not ends_in_softmax(model)
    assert logits_model(model) is model


def softmax(x):
    return keras.ops.softmax(x / 2)


def test_a_function_of_that_name_that_is_not_the_libraries_is_left_alone():
    assert not ends_in_softmax(functional(layers.Dense(3, activation=softmax)))


class Subclassed(keras.Model):
    def __init__(self, activation):
        super().__init__()
        self.dense = layers.Dense(3, activation=activation)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_subclassed_probabilities_are_refused(activation):
    model = Subclassed(activation)
    assert not ends_in_softmax(model)
    with pytest.raises(UserError, match=r"The student .* returns probabilities .*activation=None"):
        check_logits(model(IMAGES), model, "student")


@pytest.mark.parametrize(
    ("outputs", "found"),
    [({"a": 1}, "returns dict"), (np.zeros((2, 3, 4)), r"returns shape \(2, 3, 4\)")],
)
def test_what_cannot_be_logits(outputs, found):
    model = functional(layers.Dense(3))
    with pytest.raises(UserError, match=found):
        check_logits(outputs, model, "teacher")
    assert check_logits(model(IMAGES), model, "teacher").shape == (16, 3)

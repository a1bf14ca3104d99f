"""Multiply-adds of TensorFlow's own operations, which no Keras layer makes."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from distill.evaluation import multiply_adds

if keras.backend.backend() != "tensorflow":
    pytest.skip("these are TensorFlow's operations", allow_module_level=True)


class Products(layers.Layer):
    """Features by features, and the sum of a varying number of places, by the first operand."""

    def call(self, x):
        rows = x[:, :, 0, :]  # 12 rows of 3 features
        batched = tf.matmul(rows, rows, transpose_a=True)
        single = tf.matmul(rows[0], rows[0], transpose_a=True)
        places = tf.shape(tf.where(x > 0))[0]  # of a size that the graph does not know
        return batched + single + tf.cast(places, x.dtype)


class Broadcast(layers.Layer):
    """One matrix for all 12 matrices of 10 by 3."""

    def call(self, x):
        return tf.einsum("...ij,...jk->...ik", x, tf.ones((1, 1, 3, 4), x.dtype))


def test_transposed_products_by_hand():
    model = keras.Sequential([keras.Input((12, 10, 3)), Products(), layers.Flatten()])
    assert multiply_adds(model) == 2 * 3 * 3 * 12  # twice 3·3 sums of 12 products


def test_an_einsum_that_broadcasts():
    model = keras.Sequential([keras.Input((12, 10, 3)), Broadcast(), layers.Flatten()])
    assert multiply_adds(model) == 12 * 10 * 3 * 4

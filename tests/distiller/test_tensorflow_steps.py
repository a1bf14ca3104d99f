"""Steps on TensorFlow in two replicas; the fixture skips these tests on other backends."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_distillers import X, Y, distiller, network


def test_two_replicas_equal_one(replicas):
    """Losses, weights and logs of two replicas are those of one with the whole batch."""
    networks = [
        keras.Sequential(
            [keras.Input((6,)), layers.Dense(units, kernel_regularizer="l2"), layers.Dense(4)]
        )
        for units in (16, 8)
    ]
    assert replicas.num_replicas_in_sync == 2
    results = []
    for scope in (tf.distribute.get_strategy().scope, replicas.scope):
        with scope():
            teacher, student = (keras.models.clone_model(each) for each in networks)
            model = distiller(
                teacher=teacher,
                student=student,
                optimizer=keras.optimizers.SGD(0.1),
                compiled=True,
            )
        for copy, original in zip((teacher, student), networks, strict=True):
            copy.set_weights(original.get_weights())
        data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(48)
        history = model.fit(data, epochs=2, shuffle=False, verbose=0).history
        results.append((history, student.get_weights()))
    for name in results[0][0]:
        assert results[0][0][name] == pytest.approx(results[1][0][name], rel=1e-5)
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_parts_of_a_method_in_replicas(replicas):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(48)
    teacher, student = network(16), network()
    results = []
    for scope in (tf.distribute.get_strategy().scope, replicas.scope):
        with scope():
            models = [keras.models.clone_model(each) for each in (teacher, student)]
            for copy, each in zip(models, (teacher, student), strict=True):
                copy.set_weights(each.get_weights())
            model = distiller(
                teacher=models[0],
                student=models[1],
                method="0.5 * kd + mse_logits",
                compiled=True,
            )
        results.append(model.evaluate(data, verbose=0, return_dict=True))
    assert {"kd", "mse_logits"} < set(results[0])
    assert results[0] == pytest.approx(results[1], rel=1e-5)

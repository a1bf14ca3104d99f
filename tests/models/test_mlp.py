"""Fully connected networks: parameter counts worked out by hand."""

import keras

from distill.models import build_model

MNIST = (28, 28, 1)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def test_hinton_pair():
    teacher = build_model("mlp", MNIST, 10, hidden=1200, dropout=0.5, input_dropout=0.2)
    assert teacher.count_params() == dense(784, 1200) + dense(1200, 1200) + dense(1200, 10)
    rates = [layer.rate for layer in teacher.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
    student = build_model("mlp", MNIST, 10, hidden=800)
    assert student.count_params() == dense(784, 800) + dense(800, 800) + dense(800, 10)
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in student.layers)


def test_linear_pair():
    teacher = build_model("linear_teacher", MNIST, 10)
    assert teacher.count_params() == dense(784, 1200) + dense(1200, 1200) + dense(1200, 10)
    activations = [teacher.get_layer(name).activation for name in ("hidden1", "hidden2")]
    assert activations == [keras.activations.relu, keras.activations.linear]
    student = build_model("linear_student", MNIST, 10)
    assert student.count_params() == dense(784, 50) + dense(50, 10)
    assert student.get_layer("hidden1").activation is keras.activations.relu

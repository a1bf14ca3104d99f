"""Models by name: parameter counts worked out by hand, logits last, pixels rescaled inside."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.models import MODELS, build_model

MNIST = (28, 28, 1)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(inputs, outputs):
    return 9 * inputs * outputs + outputs


@pytest.mark.parametrize(
    ("units", "parameters"),
    [(128, 2_080_677), (64, 1_089_061), (32, 593_253), (16, 345_349)],
)
def test_flower_cnn_sizes_of_work_a(units, parameters):
    by_hand = sum(conv(*pair) for pair in ((3, 16), (16, 32), (32, 64), (64, 128)))
    by_hand += dense(11 * 11 * 128, units) + dense(units, 5)
    assert by_hand == parameters
    assert build_model("flower_cnn", (180, 180, 3), 5, dense=units).count_params() == parameters


def test_hinton_pair():
    teacher = build_model("mlp", MNIST, 10, hidden=1200, dropout=0.5, input_dropout=0.2)
    assert teacher.count_params() == dense(784, 1200) + dense(1200, 1200) + dense(1200, 10)
    rates = [layer.rate for layer in teacher.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
    student = build_model("mlp", MNIST, 10, hidden=800)
    assert student.count_params() == dense(784, 800) + dense(800, 800) + dense(800, 10)
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in student.layers)


def test_linear_pair_of_work_d():
    teacher = build_model("linear_teacher", MNIST, 10)
    assert teacher.count_params() == dense(784, 1200) + dense(1200, 1200) + dense(1200, 10)
    activations = [teacher.get_layer(name).activation for name in ("hidden1", "hidden2")]
    assert activations == [keras.activations.relu, keras.activations.linear]
    student = build_model("linear_student", MNIST, 10)
    assert student.count_params() == dense(784, 50) + dense(50, 10)
    assert student.get_layer("hidden1").activation is keras.activations.relu


def test_digits_cnn():
    by_hand = conv(1, 16) + conv(16, 16) + conv(16, 32) + conv(32, 32)
    by_hand += dense(2 * 2 * 32, 64) + dense(64, 10)
    model = build_model("cnn", (8, 8, 1), 10, filters=16, dense=64)
    assert model.count_params() == by_hand


@pytest.mark.parametrize("name", MODELS)
def test_ends_in_named_logits_and_rescales(name):
    model = build_model(name, (32, 32, 3), 7)
    last = model.layers[-1]
    assert last.name == "logits"
    assert last.activation is keras.activations.linear
    assert model.output_shape == (None, 7)
    rescale = model.get_layer("rescale")  # to 0 to 1, or to -1 to 1
    assert (rescale.scale, rescale.offset) in ((1 / 255, 0.0), (1 / 127.5, -1))
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    assert np.all(np.isfinite(model(images)))


def test_logits_stay_float32_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model = build_model("mlp", (8, 8, 1), 10, hidden=16)
    assert model.get_layer("hidden1").compute_dtype == "float16"
    assert model.output.dtype == "float32"


def test_same_seed_same_weights():
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        weights.append(build_model("mlp", (8, 8, 1), 10, hidden=16).get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_mistakes():
    with pytest.raises(UserError, match="Unknown model 'mlpp'; use one of mlp, linear_teacher"):
        build_model("mlpp", MNIST, 10)
    with pytest.raises(UserError, match="no option 'hiden'; it has hidden, depth"):
        build_model("mlp", MNIST, 10, hiden=3)
    with pytest.raises(UserError, match="cannot be built with hidden=-1"):
        build_model("mlp", MNIST, 10, hidden=-1)
    with pytest.raises(UserError, match="depth is 0, and must be 1 or more"):
        build_model("mlp", MNIST, 10, depth=0)
    with pytest.raises(UserError, match="8×8 pixels are too small for the model 'flower_cnn'"):
        build_model("flower_cnn", (8, 8, 1), 10)

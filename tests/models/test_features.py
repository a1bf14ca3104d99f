"""A view that gives the features of one layer beside the logits."""

import keras
import numpy as np
import pytest
from keras import layers

from distill.errors import UserError
from distill.models import build_model, mean_of_logits
from distill.models.features import feature_model, stage_layers

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def parts_of(*stack):
    """What each layer of a stack gives, one after the other."""
    outputs, x = [], X
    for layer in stack:
        x = layer(x)
        outputs.append(np.asarray(x))
    return outputs


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("end", ["logits", "softmax", "activation"])
def test_logits_and_features_of_a_model(functional, end):
    first, second = layers.Dense(8, activation="relu", name="first"), layers.Dense(6, name="second")
    last = layers.Dense(3, activation="softmax" if end == "softmax" else None, name="logits")
    stack = [first, second, last, *([layers.Softmax()] if end == "activation" else [])]
    model = keras.Sequential([keras.Input((4,)), *stack])
    if functional:
        model = keras.Model(model.inputs[0], model.outputs[0])
    one, two, *_ = parts_of(first, second)
    expected = two @ last.get_weights()[0] + last.get_weights()[1]
    for layer, features in ((None, two), ("second", two), ("first", one)):
        got = feature_model(model, [layer])(X)
        np.testing.assert_allclose(got[0], expected, rtol=1e-5)
        np.testing.assert_allclose(got[1], features, rtol=1e-5)


def test_features_of_several_layers_and_one_of_them_twice():
    first, second = layers.Dense(8, name="first"), layers.Dense(6, name="second")
    model = keras.Sequential([keras.Input((4,)), first, second, layers.Dense(3)])
    one, two = parts_of(first, second)
    logits, *features = feature_model(model, ["second", "first", None])(X)
    np.testing.assert_allclose(logits, model(X), rtol=1e-5)
    for got, expected in zip(features, (two, one, two), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_training_the_view_trains_the_model():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dense(3)])
    view = feature_model(model)
    assert [id(weight) for weight in view.trainable_weights] == [
        id(weight) for weight in model.trainable_weights
    ]


def test_a_layer_that_another_model_called_first():
    shared = layers.Dense(4, name="shared")
    keras.Model(other := keras.Input((4,)), shared(other))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3)(shared(layers.Rescaling(2.0)(inputs))))
    np.testing.assert_allclose(feature_model(model, ["shared"])(X)[1], shared(2.0 * X), rtol=1e-5)


def test_feature_maps_of_a_convolution():
    model = build_model("flower_cnn", (32, 32, 3), 5, dense=16)
    assert feature_model(model, ["pool4"]).output_shape == [(None, 5), (None, 2, 2, 128)]
    assert feature_model(model).output_shape == [(None, 5), (None, 16)]


def test_what_has_no_such_features():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, name="hidden"), layers.Dense(3)])
    two = keras.Model(model.inputs[0], [model.outputs[0], model.layers[0].output])
    for opaque in (Own(), two):
        with pytest.raises(UserError, match="is subclassed or has several outputs"):
            feature_model(opaque)
    with pytest.raises(UserError, match=r"no layer 'hiden' on the way .* choose one of hidden, "):
        feature_model(model, ["hiden"])
    with pytest.raises(UserError, match="ends in 'logits', a layer of several inputs"):
        feature_model(mean_of_logits([model, model]))


def nested(training=None):
    """A backbone inside a model, as in fine-tuning, with a model inside the backbone."""
    block = keras.Sequential(
        [layers.Conv2D(6, 3, strides=2), layers.BatchNormalization(name="norm")], name="block"
    )
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(5, 3, name="stem")(inputs)
    x = layers.ReLU(name="end")(block(x))
    backbone = keras.Model(inputs, x, name="backbone")
    images = keras.Input((12, 12, 3))
    x = backbone(layers.Rescaling(0.5)(images), training=training)
    x = layers.Dropout(0.0)(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(images, layers.Dense(3, activation="softmax", name="head")(x))


@pytest.mark.parametrize("fixed", [None, False])
def test_layers_of_inner_models(fixed):
    model = nested(fixed)
    x = np.random.default_rng(1).normal(size=(8, 12, 12, 3)).astype("float32")
    stem = model.get_layer("backbone").get_layer("stem")
    names = ["backbone/stem", "stem", "backbone/block/norm", "pool", None]
    view = feature_model(model, names)
    for training in (False, True):
        start = model.get_weights()
        wanted = np.asarray(model(x, training=training))
        after = model.get_weights()
        model.set_weights(start)
        logits, *features = view(x, training=training)
        np.testing.assert_allclose(keras.ops.softmax(logits), wanted, rtol=1e-4, atol=1e-6)
        for got, expected in zip(model.get_weights(), after, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(features[0], stem(0.5 * x), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(features[0], features[1])
        assert features[2].shape == (8, 4, 4, 6)
        np.testing.assert_array_equal(features[3], features[4])
    assert {id(each) for each in view.weights} == {id(each) for each in model.weights}
    assert len(feature_model(keras.Sequential([keras.Input((12, 12, 3)), model])).outputs) == 2


def test_stages():
    assert stage_layers(nested()) == ["backbone/stem", "backbone/end"]
    mobile = build_model("mobilenet_v2", (64, 64, 3), 10)
    ends = [f"block_{number}_expand_relu" for number in (1, 3, 6, 13)]  # as in TensorFlow's U-Net
    assert stage_layers(mobile) == [*ends, "out_relu"]
    with pytest.raises(UserError, match="'mlp' has no feature maps"):
        stage_layers(build_model("mlp", (8, 8, 1), 10))

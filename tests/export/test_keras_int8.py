"""Keras' int8 files: quantised, loadable, close to the model, which stays as it is."""

import keras
import numpy as np
import pytest
from keras import layers

from distill.errors import UserError
from distill.export import deployable
from distill.files import load_model
from distill.models import build_model


def test_dense_layers_are_int8(small, tmp_path):
    before = small.model.get_weights()
    path = small.write("keras-int8", tmp_path / "model.keras")
    loaded = load_model(path)
    modes = {layer.name: layer.quantization_mode for layer in loaded._flatten_layers()}
    assert (modes["hidden"], modes["block1_conv1"]) == ("int8", None)
    logits = np.asarray(loaded(small.data.test.images.astype("float32")))
    assert np.mean(logits.argmax(-1) == small.logits.argmax(-1)) >= 0.95
    for old, new in zip(before, small.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_without_dense_layers(small, tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(10, 3), layers.GlobalAveragePooling2D()]
    )
    with pytest.raises(UserError, match="has no dense layer"):
        small.write("keras-int8", tmp_path / "model.keras", deployable(model))


def test_a_layer_of_an_unregistered_class(betainc, small, tmp_path):
    with pytest.raises(UserError, match="cannot be converted to the format 'keras-int8'"):
        small.write("keras-int8", tmp_path / "model.keras", deployable(betainc))


@keras.saving.register_keras_serializable("tests")
class Halved(layers.Layer):
    def call(self, inputs):
        return inputs / 2


def test_a_layer_that_keras_alone_cannot_load(small, tmp_path):
    inner = [Halved(name="halved"), layers.Flatten(), layers.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *inner])
    with pytest.raises(UserError, match="'halved' is a Halved, which Keras alone cannot load"):
        small.write("keras-int8", tmp_path / "model.keras", deployable(model))
    assert not [*tmp_path.iterdir()]


def test_a_layer_of_ours_becomes_built_in_layers(small, tmp_path):
    model = build_model("overlapping_mobilenet_v2", (32, 32, 1), 10, width=0.35, momentum=0)
    images = np.random.default_rng(0).uniform(0, 255, (32, 32, 32, 1)).astype("float32")
    model(images, training=True)  # gives the batch normalisation its means and variances
    path = small.write("keras-int8", tmp_path / "model.keras", deployable(model))
    loaded = load_model(path)
    assert all(type(each).__module__.startswith("keras.") for each in loaded._flatten_layers())
    logits = np.asarray(model(images))
    np.testing.assert_allclose(loaded(images), logits, atol=0.05 * np.abs(logits).max())

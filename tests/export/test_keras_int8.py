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


def test_a_layer_that_keras_alone_cannot_load(small, tmp_path):
    model = build_model("overlapping_mobilenet_v2", (32, 32, 1), 10, width=0.35)
    with pytest.raises(UserError, match="is a OverlappingGroupConv2D, which Keras alone cannot"):
        small.write("keras-int8", tmp_path / "model.keras", deployable(model))
    assert not [*tmp_path.iterdir()]

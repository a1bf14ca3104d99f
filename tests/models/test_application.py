"""Networks of keras.applications: pixels scaled as their weights need, layers frozen, weights."""

import sys

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.models import build_model
from distill.models.application import APPLICATIONS, _scaled

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("float32")


def test_every_network_is_there():
    assert {"EfficientNetB0", "MobileNetV3Small", "ResNet50", "VGG16"} <= set(APPLICATIONS)
    assert len(APPLICATIONS) >= 35


@pytest.mark.parametrize("name", APPLICATIONS)
def test_pixels_are_scaled_like_the_familys_own_function(name):
    module = sys.modules[APPLICATIONS[name].__module__]
    wanted = module.preprocess_input(PIXELS.copy())
    found = _scaled(keras.ops.convert_to_tensor(PIXELS), module.__name__.rpartition(".")[2])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of a network without classifier, as Keras would download it."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None).save_weights(
        path
    )
    return path


def small(shape=(32, 32, 3), **options):
    return build_model(
        "keras_application", shape, 5, architecture="MobileNetV3Small", dropout=0.0, **options
    )


def test_a_frozen_network_trains_its_classifier_only(weights):
    model = small(weights=str(weights), freeze=True)
    assert (model.output_shape, model.layers[-1].name) == ((None, 5), "logits")
    assert [tuple(weight.shape) for weight in model.trainable_weights] == [(576, 5), (5,)]
    plain = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None)
    plain.load_weights(weights)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    features = plain(pixels, training=False).numpy().mean(axis=(1, 2))
    kernel, bias = (weight.numpy() for weight in model.trainable_weights)
    np.testing.assert_allclose(model(pixels, training=True), features @ kernel + bias, atol=1e-4)


def test_grey_images_are_repeated_and_the_file_comes_back(tmp_path):
    model = small((32, 32, 1))
    model.save(tmp_path / "model.keras")
    grey = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype("float32")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(grey), model(grey), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((32, 32, 3), {"architecture": "ResNet51"}, "architecture is 'ResNet51', and must be one"),
        ((32, 32, 3), {"architecture": "VGG16", "weights": "none.h5"}, "no file of weights 'none"),
        (
            (16, 16, 3),
            {"architecture": "InceptionV3"},
            "InceptionV3 cannot be built",
        ),
        ((32, 32, 4), {"architecture": "VGG16"}, "images of 1 or 3 channels, not 4"),
    ],
)
def test_mistakes(shape, options, message):
    with pytest.raises(UserError, match=message):
        build_model("keras_application", shape, 5, **options)


def test_weights_of_another_network(weights):
    with pytest.raises(UserError, match="give a file of the weights of a MobileNet, or none"):
        build_model(
            "keras_application", (32, 32, 3), 5, architecture="MobileNet", weights=str(weights)
        )

"""Models by name: logits last, pixels rescaled inside, mistakes told in one sentence."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.models import MODELS, build_model

MNIST = (28, 28, 1)
# Only their depth differs from other networks; test_resnet.py builds them.
DEEP = ("resnet32x4", "resnet56", "resnet110", "wrn_40_2")


@pytest.mark.parametrize("name", [name for name in MODELS if name not in DEEP])
def test_ends_in_named_logits_and_rescales(name):
    model = build_model(name, (32, 32, 3), 7)
    last = model.layers[-1]
    assert last.name == "logits"
    assert last.activation is keras.activations.linear
    assert model.output_shape == (None, 7)
    # To 0 to 1, or to -1 to 1.
    rescale = next(layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling))
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

"""ResNets for small images: published parameter counts, strides and shortcuts by hand, learning."""

import keras
import numpy as np
import pytest
from keras import layers

from distill.errors import UserError
from distill.models import build_model

CIFAR = (32, 32, 3)


def conv(size, inputs, outputs):
    return size * size * inputs * outputs


def norm(channels):
    return 2 * channels


def resnet_by_hand(blocks, stem, stages, classes):
    total, channels = conv(3, 3, stem) + norm(stem), stem
    for filters in stages:
        if filters != channels:
            total += conv(1, channels, filters) + norm(filters)
        total += conv(3, channels, filters) + norm(filters) + conv(3, filters, filters)
        total += norm(filters) + (blocks - 1) * 2 * (conv(3, filters, filters) + norm(filters))
        channels = filters
    return total + channels * classes + classes


def wide_by_hand(blocks, stages, classes):
    total, channels = conv(3, 3, 16), 16
    for filters in stages:
        total += norm(channels) + conv(3, channels, filters) + norm(filters)
        total += conv(3, filters, filters) + conv(1, channels, filters)
        total += (blocks - 1) * 2 * (conv(3, filters, filters) + norm(filters))
        channels = filters
    return total + norm(channels) + channels * classes + classes


@pytest.mark.parametrize(
    ("name", "by_hand", "parameters"),
    [
        ("resnet8x4", resnet_by_hand(1, 32, (64, 128, 256), 100), 1_233_540),
        ("resnet20", resnet_by_hand(3, 16, (16, 32, 64), 100), 278_324),
        ("resnet32x4", resnet_by_hand(5, 32, (64, 128, 256), 100), 7_433_860),
        ("resnet56", resnet_by_hand(9, 16, (16, 32, 64), 100), 861_620),
        ("resnet110", resnet_by_hand(18, 16, (16, 32, 64), 100), 1_736_564),
        ("wrn_16_2", wide_by_hand(2, (32, 64, 128), 100), 703_284),
        ("wrn_40_2", wide_by_hand(6, (32, 64, 128), 100), 2_255_156),
    ],
)
def test_published_sizes(name, by_hand, parameters):
    assert by_hand == parameters
    model = build_model(name, CIFAR, 100)
    assert (model.layers[-1].name, model.output_shape) == ("logits", (None, 100))
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == parameters
    # The depth in the name counts convolutions and the dense layer, not the shortcuts.
    depth = int(name.removeprefix("resnet").removeprefix("wrn_").split("x")[0].split("_")[0])
    convolutions = [each for each in model.layers if isinstance(each, layers.Conv2D)]
    assert 1 + sum("shortcut" not in each.name for each in convolutions) == (
        depth - 2 if name.startswith("wrn") else depth
    )


@pytest.mark.parametrize("name", ["resnet20", "wrn_16_2"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 4)])
def test_any_size_and_channels(name, shape):
    model = build_model(name, shape, 5)
    assert np.all(np.isfinite(model(np.full((2, *shape), 255.0))))
    last = model.get_layer("pool").input.shape
    assert last[1:3] == tuple(-(-length // 4) for length in shape[:2])


def relu(x):
    return np.maximum(x, 0)


def convolve(x, kernel, stride):
    """PyTorch's `conv2d(padding=size // 2)`, in float64."""
    size = kernel.shape[0]
    margin = (size // 2, size // 2)
    x = np.pad(x, [(0, 0), margin, margin, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return np.einsum("bijchw,hwco->bijo", windows[:, ::stride, ::stride], kernel)


class ByHand:
    """Runs the layers of a model in NumPy."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        return [weight.astype("float64") for weight in self.model.get_layer(name).get_weights()]

    def conv(self, x, name, stride=1):
        return convolve(x, self.weights(name)[0], stride)

    def norm(self, x, name):
        gamma, beta, mean, variance = self.weights(name)
        return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    def basic_block(self, x, name, stride):
        out = relu(self.norm(self.conv(x, f"{name}_conv1", stride), f"{name}_bn1"))
        out = self.norm(self.conv(out, f"{name}_conv2"), f"{name}_bn2")
        shortcut = self.conv(x, f"{name}_shortcut_conv", stride)
        return relu(out + self.norm(shortcut, f"{name}_shortcut_bn"))

    def wide_block(self, x, name, stride, shortcut):
        active = relu(self.norm(x, f"{name}_bn1"))
        out = relu(self.norm(self.conv(active, f"{name}_conv1", stride), f"{name}_bn2"))
        out = self.conv(out, f"{name}_conv2")
        return out + (self.conv(active, f"{name}_shortcut_conv", stride) if shortcut else x)

    def logits(self, x):
        kernel, bias = self.weights("logits")
        return x.mean(axis=(1, 2)) @ kernel + bias


def lively(name):
    """A model whose batch norms do something, and images for it."""
    model = build_model(name, (8, 10, 2), 3)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model, random.integers(0, 256, (2, 8, 10, 2)).astype("float32")


def test_resnet_by_hand():
    model, images = lively("resnet8x4")
    plain = ByHand(model)
    x = relu(plain.norm(plain.conv(images / 255.0, "stem_conv"), "stem_bn"))
    for stage, stride in ((1, 1), (2, 2), (3, 2)):
        x = plain.basic_block(x, f"stage{stage}_block1", stride)
    np.testing.assert_allclose(model(images), plain.logits(x), rtol=1e-4, atol=1e-4)


def test_wide_resnet_by_hand():
    model, images = lively("wrn_16_2")
    plain = ByHand(model)
    x = plain.conv(images / 255.0, "stem_conv")
    for stage, stride in ((1, 1), (2, 2), (3, 2)):
        x = plain.wide_block(x, f"stage{stage}_block1", stride, shortcut=True)
        x = plain.wide_block(x, f"stage{stage}_block2", 1, shortcut=False)
    x = relu(plain.norm(x, "final_bn"))
    np.testing.assert_allclose(model(images), plain.logits(x), rtol=1e-4, atol=1e-4)


def test_starts_from_he_normal_by_fan_out():
    kernel = build_model("resnet8x4", CIFAR, 5).get_layer("stage3_block1_conv1").get_weights()[0]
    assert kernel.shape == (3, 3, 128, 256)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.01)


@pytest.mark.parametrize("name", ["resnet8x4", "wrn_16_2"])
def test_learns(name):
    model = build_model(name, (8, 8, 1), 3)
    labels = np.arange(12) % 3
    images = np.random.default_rng(0).normal(80 * labels, 10, (8, 8, 1, 12)).transpose(3, 0, 1, 2)
    model.compile(
        keras.optimizers.SGD(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    losses = [float(model.train_on_batch(images, labels)) for _ in range(5)]
    assert losses[-1] < losses[0]


def test_mistakes():
    for name in ("resnet8x4", "wrn_40_2"):
        with pytest.raises(UserError, match=f"7×8 pixels are too small for the model '{name}'"):
            build_model(name, (7, 8, 3), 5)
    with pytest.raises(UserError, match="'resnet20' has no option 'depth'; it has none"):
        build_model("resnet20", CIFAR, 5, depth=3)
    with pytest.raises(UserError, match="Unknown model 'resnet21'"):
        build_model("resnet21", CIFAR, 5)

"""MobileNetV2: overlapping groups against loops and Keras, the networks against each other."""

import socket
import urllib.error

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from distill.errors import UserError
from distill.models import build_model
from distill.models.application import PATIENCE
from distill.models.mobilenet import OverlappingGroupConv2D


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("channels", "groups", "overlap", "filters", "window", "starts"),
    [
        (8, 2, 0.0, 6, 4, [0, 4]),
        (8, 2, 0.5, 6, 6, [0, 2]),
        (8, 2, 1.0, 6, 8, [0, 0]),
        (16, 4, 0.5, 8, 6, [0, 3, 7, 10]),  # 3.33, 6.67
        (10, 4, 0.5, 8, 4, [0, 2, 4, 6]),  # a window of 3.75
        (7, 3, 0.5, 3, 4, [0, 2, 3]),  # a window of 3.5; a start at 1.5
        (5, 1, 0.7, 4, 5, [0]),
        (6, 3, 9.0, 3, 6, [0, 0, 0]),
    ],
)
def test_windows(channels, groups, overlap, filters, window, starts):
    layer = OverlappingGroupConv2D(filters, 3, groups, overlap, use_bias=True)
    assert layer(normal(2, 5, 4, channels)).shape == (2, 5, 4, filters)
    assert (layer.window, layer.starts) == (window, starts)
    assert layer.kernel.shape == (3, 3, window, filters)
    assert layer.count_params() == 9 * window * filters + filters


@pytest.mark.parametrize(
    ("groups", "overlap", "keras_groups"), [(1, 0.0, 1), (1, 0.5, 1), (3, 0.0, 3), (3, 2.0, 1)]
)
def test_is_a_convolution_of_keras(groups, overlap, keras_groups):
    options = {"strides": 2, "padding": "same", "use_bias": True}
    layer = OverlappingGroupConv2D(9, 3, groups, overlap, **options)
    other = layers.Conv2D(9, 3, groups=keras_groups, **options)
    images = normal(2, 7, 6, 12)
    layer(images), other(images)
    weights = [normal(*weight.shape) for weight in other.get_weights()]
    layer.set_weights(weights)
    other.set_weights(weights)
    np.testing.assert_allclose(layer(images), other(images), rtol=1e-6, atol=1e-5)


def by_loops(images, kernel, bias, starts, strides, padding):
    """The definition in float64: one output number at a time."""
    images, kernel = images.astype("float64"), kernel.astype("float64")
    height, width, window, filters = kernel.shape
    sizes, margins = [], [(0, 0)]
    for length, size, step in zip(images.shape[1:3], (height, width), strides, strict=True):
        if padding == "same":
            sizes.append(-(-length // step))
            missing = max((sizes[-1] - 1) * step + size - length, 0)
            margins.append((missing // 2, missing - missing // 2))
        else:
            sizes.append((length - size) // step + 1)
            margins.append((0, 0))
    images = np.pad(images, [*margins, (0, 0)])
    outputs = np.zeros((len(images), *sizes, filters))
    for example, row, column, filter_ in np.ndindex(*outputs.shape):
        start = starts[filter_ // (filters // len(starts))]
        top, left = row * strides[0], column * strides[1]
        patch = images[example, top : top + height, left : left + width, start : start + window]
        outputs[example, row, column, filter_] = np.sum(patch * kernel[..., filter_])
    return outputs + bias


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("groups", "overlap", "starts", "kernel_size", "strides"),
    [
        (4, 0.5, [0, 2, 4, 6], 3, 1),
        (4, 0.5, [0, 2, 4, 6], 1, 2),
        (2, 0.3, [0, 4], (3, 2), (2, 1)),  # a window of 6.5: 6
        (5, 0.0, [0, 2, 4, 6, 8], 3, 2),
    ],
)
def test_against_loops(groups, overlap, starts, kernel_size, strides, padding):
    layer = OverlappingGroupConv2D(
        20, kernel_size, groups, overlap, strides=strides, padding=padding, use_bias=True
    )
    images = normal(2, 6, 5, 10)
    layer(images)
    kernel, bias = (normal(*weight.shape) for weight in layer.get_weights())
    layer.set_weights([kernel, bias])
    expected = by_loops(images, kernel, bias, starts, layer.strides, padding)
    np.testing.assert_allclose(layer(images), expected, rtol=1e-5, atol=1e-5)
    inputs = keras.Input(images.shape[1:])
    same = keras.Model(inputs, layer.as_built_in_layers(inputs))
    np.testing.assert_allclose(same(images), expected, rtol=1e-5, atol=1e-5)


def test_gradients_reach_every_weight():
    layer = OverlappingGroupConv2D(8, 3, 4, 0.5, strides=2, use_bias=True)
    images = tf.constant(normal(2, 6, 6, 10))
    layer.build(images.shape)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(layer(images) ** 2)
        return tape.gradient(loss, [layer.kernel.value, layer.bias.value, images])

    for gradient in gradients():
        assert np.all(np.abs(gradient) > 0)


def test_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    layer = OverlappingGroupConv2D(4, 1, 2, 0.5, use_bias=True)
    assert layer(normal(1, 2, 2, 8)).dtype == "float16"
    assert layer.kernel.dtype == "float32"


@pytest.mark.parametrize(
    ("channels", "options", "message"),
    [
        (8, {"filters": 5, "groups": 2}, "5 filters cannot be divided among 2 groups"),
        (8, {"groups": 3}, "8 channels cannot be divided among 3 groups without overlap"),
        (9, {"groups": 4, "filters": 8, "overlap": 0.01}, "windows of 2 do not cover all 9"),
        (8, {"overlap": -0.1}, "overlap is -0.1, and must be 0 or more"),
        (8, {"overlap": float("nan")}, "overlap is nan"),
        (8, {"groups": 0}, "groups is 0, and must be a whole number"),
        (8, {"groups": 2.0}, "groups is 2.0, and must be a whole number"),
        (8, {"filters": 0}, "filters is 0, and must be a whole number"),
    ],
)
def test_mistakes_of_the_layer(channels, options, message):
    with pytest.raises(UserError, match=message):
        OverlappingGroupConv2D(**{"filters": 6, "kernel_size": 1} | options)(
            normal(1, 4, 4, channels)
        )


def liven(model, images):
    """Gives batch norms the images' moments and random scales; fresh ones let the signal fade."""
    random = np.random.default_rng(1)
    norms = [each for each in model.layers if isinstance(each, layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
        layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
        layer.beta.assign(random.uniform(-0.5, 0.5, layer.beta.shape))
    model(images, training=True)


@pytest.mark.parametrize(("width", "shape"), [(1.0, (32, 32, 3)), (0.5, (45, 38, 1))])
def test_one_group_is_mobilenet_v2(width, shape):
    model = build_model("mobilenet_v2", shape, 7, width=width)
    application = keras.applications.MobileNetV2(shape, width, include_top=False, weights=None)
    assert model.count_params() == application.count_params() + 1280 * 7 + 7
    ours = build_model("overlapping_mobilenet_v2", shape, 7, width=width, expansion=6, groups=1)
    assert ours.count_params() == model.count_params()
    names = {layer.name for layer in model.layers}
    assert {layer.name for layer in ours.layers} < names
    images = np.random.default_rng(2).integers(0, 256, (6, *shape)).astype("float32")
    liven(model, images)
    for layer in ours.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    expected = np.array(model(images))
    assert expected.std(axis=0).min() > 0.1
    np.testing.assert_allclose(ours(images), expected, rtol=1e-5, atol=1e-5)
    # The application itself, and the scale of its own pixels.
    for layer in application.layers[1:]:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    pixels = model.get_layer("rescale")(images)
    scaled = keras.applications.mobilenet_v2.preprocess_input(images.copy())
    np.testing.assert_allclose(pixels, scaled, atol=1e-6)
    kernel, bias = model.get_layer("logits").get_weights()
    pooled = np.array(application(pixels)).mean(axis=(1, 2))
    np.testing.assert_allclose(expected, pooled @ kernel + bias, rtol=1e-5, atol=1e-5)


def test_groups_save_parameters():
    # A grouped kernel holds (1 + overlap) / groups of the ordinary one's numbers.
    whole, grouped = (
        build_model("overlapping_mobilenet_v2", (32, 32, 3), 5, groups=groups, overlap=overlap)
        for groups, overlap in ((1, 0.0), (4, 0.5))
    )
    pointwise = sum(
        layer.count_params() for layer in whole.layers if isinstance(layer, OverlappingGroupConv2D)
    )
    assert whole.count_params() - grouped.count_params() == pointwise * 5 / 8


def test_learns_and_comes_back_from_a_file(tmp_path):
    options = {"width": 0.35, "groups": 4, "overlap": 0.25, "dropout": 0.0}
    model = build_model("overlapping_mobilenet_v2", (48, 48, 1), 3, **options)
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 1)).astype("float32")
    # Fresh, the network's gradients have norms of hundreds and more: short steps along them.
    model.compile(
        keras.optimizers.SGD(1e-3, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    before = [weight.numpy() for weight in model.trainable_weights]
    losses = [float(model.train_on_batch(images, np.arange(6) % 3)) for _ in range(2)]
    assert losses[1] < losses[0]
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert np.any(old != weight.numpy()), weight.path
    liven(model, images)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-6)
    layer = loaded.get_layer("block_3_expand")
    assert layer.get_config() == model.get_layer("block_3_expand").get_config()
    assert (layer.groups, layer.overlap) == (4, 0.25)


@pytest.fixture(scope="module")
def weights_of_a_backbone(tmp_path_factory):
    """A file of the kind that keras.applications downloads, for width 0.35."""
    model = keras.applications.MobileNetV2((96, 96, 3), 0.35, include_top=False, weights=None)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    model.save_weights(path)
    return str(path), model.get_layer("Conv_1").get_weights()[0]


def test_weights_from_a_file(weights_of_a_backbone, tmp_path):
    path, kernel = weights_of_a_backbone
    first = build_model("mobilenet_v2", (32, 40, 3), 5, width=0.35, weights=path)
    np.testing.assert_array_equal(first.get_layer("Conv_1").get_weights()[0], kernel)
    first.save(tmp_path / "first.keras")  # a classifier for other classes is left out
    second = build_model(
        "mobilenet_v2", (48, 48, 3), 9, width=0.35, weights=str(tmp_path / "first.keras")
    )
    np.testing.assert_array_equal(second.get_layer("Conv_1").get_weights()[0], kernel)
    with pytest.raises(UserError, match=r"cannot be loaded .* of a MobileNetV2 of width 0.5"):
        build_model("mobilenet_v2", (32, 32, 3), 5, width=0.5, weights=path)
    damaged = tmp_path / "damaged.weights.h5"
    damaged.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"damaged.weights.h5' cannot be loaded \(OSError"):
        build_model("mobilenet_v2", (32, 32, 3), 5, width=0.35, weights=str(damaged))


def test_imagenet_on_gray_images(weights_of_a_backbone, monkeypatch):
    path, kernel = weights_of_a_backbone
    wanted = []

    def get_file(name, *_, **__):
        wanted.append(name)
        return path

    monkeypatch.setattr("keras.src.applications.mobilenet_v2.file_utils.get_file", get_file)
    gray, colour = (
        build_model("mobilenet_v2", (40, 33, channels), 5, width=0.35, weights="imagenet")
        for channels in (1, 3)
    )
    # There are none for this size, and those for 224 pixels are taken.
    assert {name.split("kernels_")[1] for name in wanted} == {"0.35_224_no_top.h5"}
    np.testing.assert_array_equal(gray.get_layer("Conv_1").get_weights()[0], kernel)
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 33, 1)).astype("float32")
    liven(gray, images)
    colour.set_weights(gray.get_weights())
    expected = np.array(gray(images))
    assert expected.std(axis=0).min() > 0.01
    np.testing.assert_allclose(colour(np.repeat(images, 3, -1)), expected, rtol=1e-5, atol=1e-5)


def test_imagenet_without_a_network(monkeypatch, tmp_path):
    timeouts = []

    def no_network(*_):
        timeouts.append(socket.getdefaulttimeout())
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", no_network)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"'imagenet' cannot be .* URL fetch failure .* none, or"):
        build_model("mobilenet_v2", (96, 96, 3), 5, weights="imagenet")
    assert timeouts == [PATIENCE]
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("mobilenet_v2", (31, 32, 3), {}, "31×32 pixels are too small .* needs 32 or more"),
        ("overlapping_mobilenet_v2", (32, 31, 3), {}, "32×31 pixels are too small"),
        ("mobilenet_v2", (32, 32, 3), {"alpha": 1}, "has no option 'alpha'; it has width"),
        ("mobilenet_v2", (32, 32, 3), {"width": 0}, "width is 0, and must be a positive"),
        ("mobilenet_v2", (32, 32, 3), {"dropout": 2}, "cannot be built with dropout=2"),
        ("mobilenet_v2", (32, 32, 3), {"weights": "no.h5"}, "no file of weights 'no.h5'"),
        ("mobilenet_v2", (32, 32, 3), {"weights": True}, "is True, and must be text or none"),
        (
            "mobilenet_v2",
            (32, 32, 3),
            {"weights": "imagenet", "width": 0.6},
            "no ImageNet weights for width 0.6: choose one of 0.35, 0.5",
        ),
        ("mobilenet_v2", (32, 32, 2), {"weights": "imagenet"}, "1 or 3 channels, not 2"),
        ("overlapping_mobilenet_v2", (32, 32, 3), {"groups": 3}, "cannot be divided among 3"),
        ("overlapping_mobilenet_v2", (32, 32, 3), {"expansion": 0}, "expansion is 0"),
        (
            "overlapping_mobilenet_v2",
            (32, 32, 3),
            {"expansion": 2.5},
            "is 2.5, and must be a whole number",
        ),
        ("overlapping_mobilenet_v2", (32, 32, 3), {"overlap": -1}, "overlap is -1"),
        ("overlapping_mobilenet_v2", (32, 32, 3), {"width": -1}, "width is -1"),
    ],
)
def test_mistakes(name, shape, options, message):
    with pytest.raises(UserError, match=message):
        build_model(name, shape, 5, **options)


@pytest.mark.parametrize("name", ["mobilenet_v2", "overlapping_mobilenet_v2"])
def test_moving_averages_follow_within_a_short_training(name):
    model = build_model(name, (32, 32, 3), 2, width=0.35)
    copies = [model, type(model).from_config(model.get_config())]
    for each in copies:
        norms = [layer for layer in each.layers if "BatchNorm" in type(layer).__name__]
        assert len(norms) == 52
        assert {layer.momentum for layer in norms} == {0.9}
    other = build_model(name, (32, 32, 3), 2, width=0.35, momentum=0.999)
    assert {layer.momentum for layer in other.layers if hasattr(layer, "momentum")} == {0.999}
    with pytest.raises(UserError, match="momentum is 1, and must be from 0 to below 1"):
        build_model(name, (32, 32, 3), 2, momentum=1)

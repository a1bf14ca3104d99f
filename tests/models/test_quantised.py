"""Quantisation-aware models: numbers against NumPy, gradients, what is saved of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from distill.data import load_digits
from distill.errors import UserError
from distill.export.exporting import export
from distill.models import build_model, quantisation_aware, without_quantisation
from distill.models.quantised import Int8Range, Int8Weights

RANDOM = np.random.default_rng(0)


def rounded_kernel(kernel, axis):
    """Symmetric int8 with one scale for each index of an axis, in float64."""
    kernel = np.moveaxis(kernel.astype("float64"), axis, -1)
    scale = np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0) / 127
    return np.moveaxis(scale * np.round(kernel / scale), -1, axis)


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (layers.Dense(3), (5,), 1),
        (layers.Conv2D(3, 2), (4, 4, 2), 3),
        (layers.DepthwiseConv2D(2), (4, 4, 3), 2),
    ],
)
def test_a_kernel_has_a_scale_for_each_channel(layer, shape, axis):
    x = RANDOM.normal(size=(2, *shape)).astype("float32")
    wrapped = Int8Weights(layer)
    found = wrapped(x)
    before = layer.kernel.numpy()
    layer.kernel.assign(rounded_kernel(before, axis))
    np.testing.assert_allclose(found, layer(x), rtol=1e-4, atol=1e-5)
    layer.kernel.assign(before)
    assert np.abs(found - layer(x)).max() > 1e-4


def test_the_gradient_passes_through_the_rounding():
    layer = Int8Weights(layers.Dense(3, use_bias=False))
    x = RANDOM.normal(size=(4, 5)).astype("float32")
    layer(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    (found,) = tape.gradient(loss, [layer.layer.kernel.value])
    rounded = rounded_kernel(layer.layer.kernel.numpy(), 1)
    np.testing.assert_allclose(found, 2 * x.T @ (x @ rounded), rtol=1e-3, atol=1e-3)


def test_ranges_follow_training_batches_only_and_values_are_rounded():
    layer = Int8Range(momentum=0.9)
    first, second = (RANDOM.normal(size=(50,)).astype("float32") * scale for scale in (1, 2))
    np.testing.assert_array_equal(layer(first), first)  # no range is known
    layer(first, training=True)
    layer(second, training=True)
    low, high = (0.9 * pick(first) + 0.1 * pick(second) for pick in (np.min, np.max))
    assert float(layer.low) == pytest.approx(low, rel=1e-5)
    assert float(layer.high) == pytest.approx(high, rel=1e-5)
    found = layer(second).numpy()
    scale = (float(layer.high) - float(layer.low)) / 255
    zero = np.round(-float(layer.low) / scale)
    wanted = scale * (np.clip(np.round(second.astype("float64") / scale) + zero, 0, 255) - zero)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1.01 * scale)
    assert np.mean(np.abs(found - wanted) < 0.01 * scale) > 0.9  # halves may be rounded either way
    assert float(layer.high) == pytest.approx(high, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("separable_cnn", {"width": 0.1}),
        ("resnet8x4", {}),
        ("mlp", {"hidden": 8}),
    ],
)
def test_weights_stay_and_come_back(name, options):
    model = build_model(name, (16, 16, 1), 4, **options)
    aware = quantisation_aware(model)
    again = without_quantisation(aware)
    assert without_quantisation(again) is again
    assert [each.name for each in again.layers] == [each.name for each in model.layers]
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.count_params() == model.count_params()
    assert [each.shape for each in aware.trainable_weights] == [
        each.shape for each in model.trainable_weights
    ]
    ranges = [each.name for each in aware.layers if isinstance(each, Int8Range)]
    # No integer lies between a convolution, its batch normalisation and its activation.
    assert not [name for name in ranges if "norm" in name or "relu" in name or "bn" in name]


def test_the_int8_file_computes_as_the_model_in_training(tmp_path):
    data = load_digits()
    keras.utils.set_random_seed(0)
    aware = quantisation_aware(build_model("cnn", data.image_shape, 10, filters=4, dense=8))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    aware.compile(keras.optimizers.Adam(0.01), loss)
    aware.fit(data.train.images.astype("float32"), data.train.labels, epochs=2, verbose=0)
    before = [each.copy() for each in aware.get_weights()]
    fake = aware.predict(data.test.images.astype("float32"), verbose=0).argmax(axis=-1)
    assert all(map(np.array_equal, before, aware.get_weights()))
    aware.save(tmp_path / "aware.keras")
    again = keras.saving.load_model(tmp_path / "aware.keras")
    np.testing.assert_array_equal(
        again.predict(data.test.images.astype("float32"), verbose=0).argmax(axis=-1), fake
    )
    plain = without_quantisation(again)
    done = export(plain, tmp_path, "litert-int8", data.class_names, data.test, data.train.images)
    assert done.check.accuracy == pytest.approx(np.mean(fake == data.test.labels), abs=0.02)


def test_models_that_cannot_be_rounded():
    inputs = keras.Input((8, 8, 3))
    separable = layers.SeparableConv2D(4, 3, name="odd")(inputs)
    with pytest.raises(UserError, match="'odd' is a SeparableConv2D, which cannot be trained"):
        quantisation_aware(keras.Model(inputs, separable))
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)], name="in")
    with pytest.raises(UserError, match="'in' is a Sequential, which cannot be trained for int8"):
        quantisation_aware(keras.Model(inputs, inner(inputs)))

    class Own(keras.Model):
        pass

    with pytest.raises(UserError, match="is neither functional nor sequential"):
        quantisation_aware(Own())

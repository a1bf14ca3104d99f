"""Models that resize their images: the weights of resizing, and what stays of the model."""

import numpy as np
import pytest
import tensorflow as tf

from distill.models import build_model, with_resizing
from distill.models.resized import resize_matrix


def triangle(before, after):
    """Antialiased bilinear weights from their definition: a triangle as wide as the scale."""
    scale = before / after
    width = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale
    distance = np.abs((np.arange(before) + 0.5)[:, None] - centres[None])
    weights = np.clip(1 - distance / width, 0, None)
    return weights / weights.sum(axis=0)


@pytest.mark.parametrize(("before", "after"), [(20, 8), (8, 8), (5, 12), (37, 11)])
def test_weights_of_resizing(before, after):
    np.testing.assert_allclose(resize_matrix(before, after), triangle(before, after), atol=1e-6)


@pytest.mark.parametrize("name", ["separable_cnn", "mlp", "flower_cnn"])
def test_a_model_sees_its_own_size(name):
    options = {"mlp": {"hidden": 8}, "separable_cnn": {"width": 0.1}, "flower_cnn": {}}[name]
    model = build_model(name, (20, 20, 3), 4, **options)
    found = with_resizing(model, (50, 40, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 40, 3)).astype("float32")
    wanted = model(tf.image.resize(images, (20, 20), antialias=True), training=False)
    np.testing.assert_allclose(found(images, training=False), wanted, rtol=1e-3, atol=1e-3)
    added = found.count_params() - model.count_params()
    assert added == 50 * 20 + 40 * 20
    names = [layer.name for layer in model.layers[1:]]
    assert [layer.name for layer in found.layers][-len(names) :] == names
    assert [each.path for each in found.trainable_weights] == [
        each.path for each in model.trainable_weights
    ]


def test_a_model_of_that_size_stays_as_it_is():
    model = build_model("mlp", (20, 20, 3), 4, hidden=8)
    assert with_resizing(model, (20, 20, 3)) is model

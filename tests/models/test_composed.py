"""Models made of trained ones: nothing of the parts changes, and only what is new learns."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.models import build_model, mean_of_logits, with_input_shape, with_new_classifier


@pytest.fixture
def trained():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Conv2D(3, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(5, name="logits")(x), name="small")
    for weight in model.weights:  # batch normalisation's too, away from 0 and 1
        weight.assign(weight + 0.1 * np.random.default_rng(1).random(weight.shape))
    return model


def features(model, images):
    return keras.Model(model.input, model.layers[-2].output)(images, training=True).numpy()


def test_only_the_new_classifier_is_trained(trained):
    before = trained.get_weights()
    new = with_new_classifier(trained, classes=2)
    images = np.random.default_rng(0).random((16, 4, 4, 1), "float32")
    was = features(new, images)
    labels = np.arange(16) % 2
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    new.compile(keras.optimizers.SGD(0.5), loss)
    classifier = new.layers[-1].get_weights()
    new.fit(images, labels, epochs=2, verbose=0)
    assert [weight.path for weight in new.trainable_weights] == ["logits/kernel", "logits/bias"]
    assert np.abs(new.layers[-1].get_weights()[0] - classifier[0]).max() > 0
    # Batch normalisation in inference mode, in training too: the features have not moved.
    np.testing.assert_array_equal(features(new, images), was)
    for value, kept in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_its_features_are_the_old_models(trained):
    new = with_new_classifier(trained, classes=2)
    images = np.random.default_rng(0).random((3, 4, 4, 1), "float32")
    kernel, bias = new.layers[-1].get_weights()
    old = keras.Model(trained.input, trained.layers[-2].output)(images).numpy()
    np.testing.assert_allclose(new(images).numpy(), old @ kernel + bias, rtol=1e-5, atol=1e-6)


def test_it_stays_frozen_in_its_file(trained, tmp_path):
    new = with_new_classifier(trained, classes=2)
    new.save(tmp_path / "new.keras")
    again = keras.saving.load_model(tmp_path / "new.keras")
    assert len(again.trainable_weights) == 2
    assert len(again.weights) == len(trained.weights)


def test_a_model_without_a_classifier_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.ReLU()])
    with pytest.raises(UserError, match="does not end in a dense layer"):
        with_new_classifier(model, classes=2)


def test_an_ensembles_logits_are_the_mean(tmp_path):
    models = [build_model("mlp", (4, 4, 1), 3, hidden=5, depth=1) for _ in range(3)]
    ensemble = mean_of_logits(models)
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1)).astype("float32")
    mean = np.mean([model(images).numpy().astype("float64") for model in models], axis=0)
    np.testing.assert_allclose(ensemble(images).numpy(), mean, rtol=1e-5, atol=1e-6)
    assert ensemble.count_params() == sum(model.count_params() for model in models)
    ensemble.save(tmp_path / "ensemble.keras")
    again = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(again(images).numpy(), ensemble(images).numpy())


def test_softmax_of_the_mean_is_the_geometric_mean_of_soft_targets():
    logits = np.random.default_rng(0).normal(0, 3, (3, 6, 4))
    for temperature in (1.0, 4.0):
        soft = np.exp(logits / temperature)
        soft /= soft.sum(-1, keepdims=True)
        geometric = np.exp(np.log(soft).mean(0))
        geometric /= geometric.sum(-1, keepdims=True)
        of_mean = np.exp(logits.mean(0) / temperature)
        of_mean /= of_mean.sum(-1, keepdims=True)
        np.testing.assert_allclose(of_mean, geometric, rtol=1e-12)


@pytest.mark.parametrize("as_list", [True, False])
def test_a_model_of_any_size_gets_one(as_list):
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model([inputs] if as_list else inputs, keras.layers.Dense(2)(pooled))
    sized = with_input_shape(model, (8, 8, 3))
    assert (sized.input_shape, sized.output_shape) == ((None, 8, 8, 3), (None, 2))
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    wanted = model([images] if as_list else images)
    np.testing.assert_allclose(sized(images), wanted, rtol=1e-6)
    assert with_new_classifier(sized, 5).output_shape == (None, 5)

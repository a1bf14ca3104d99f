"""A user's own models: from files and functions, made to return logits of the right shape."""

import keras
import numpy as np
import pytest
from keras import layers

from distill.errors import UserError
from distill.models import adapted, build_model, model_from_file

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE)).astype("float32")


def make(*last, shape=SHAPE):
    return keras.Sequential(
        [keras.Input(shape), layers.Rescaling(1 / 255), layers.Flatten(), *last]
    )


def with_softmax_layer():
    return make(layers.Dense(3), layers.Softmax())


def functional():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(inputs)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 64)))


@pytest.mark.parametrize(
    "make_model",
    [
        lambda: make(layers.Dense(3, activation="softmax")),
        lambda: make(layers.Dense(3), layers.Activation("softmax")),
        with_softmax_layer,
        functional,
    ],
)
def test_a_softmax_is_taken_off_and_the_file_keeps_it_off(make_model, tmp_path):
    model = make_model()
    probabilities = model(IMAGES).numpy()
    student = adapted(model, "model", SHAPE, 3)
    logits = student(IMAGES).numpy()
    np.testing.assert_allclose(keras.ops.softmax(logits), probabilities, rtol=1e-5)
    assert not np.allclose(logits.sum(axis=1), 1)
    student.save(tmp_path / "student.keras")
    again = keras.models.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(again(IMAGES), logits)


def test_logits_stay_and_a_subclassed_model_is_built():
    model = make(layers.Dense(3))
    assert adapted(model, "model", SHAPE, 3) is model
    assert adapted(Subclassed(), "model", SHAPE, 3).count_params() == 64 * 3 + 3


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (make(layers.Dense(4)), r"outputs of shape \(4,\), and the data have 3 classes"),
        (make(layers.Dense(3), shape=(9, 8, 1)), r"inputs of shape \(9, 8, 1\), and the images"),
        (make(layers.Dense(3), shape=(64,)), r"inputs of shape \(64,\), and the images"),
        (
            keras.Sequential([keras.Input(SHAPE), make(layers.Dense(3), layers.Softmax())]),
            "lies in an inner model",
        ),
        ("text", "is a str, and must be a keras.Model"),
    ],
)
def test_what_does_not_fit(model, wanted):
    with pytest.raises(UserError, match=wanted):
        adapted(model, "model", SHAPE, 3)


def test_a_file_gives_its_weights_or_the_same_layers_with_others(tmp_path):
    model = make(layers.Dense(3))
    model.save(tmp_path / "own.keras")
    same = model_from_file(tmp_path / "own.keras", SHAPE, 3)
    np.testing.assert_array_equal(same(IMAGES), model(IMAGES))
    keras.utils.set_random_seed(1)
    other = model_from_file(tmp_path / "own.keras", SHAPE, 3, random_weights=True)
    assert other.count_params() == model.count_params()
    assert not np.allclose(other(IMAGES), model(IMAGES))
    keras.utils.set_random_seed(1)
    again = model_from_file(tmp_path / "own.keras", SHAPE, 3, random_weights=True)
    np.testing.assert_array_equal(again(IMAGES), other(IMAGES))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no model file"):
        model_from_file(tmp_path / "none.keras", SHAPE, 3)


def test_a_function_of_a_module_has_its_own_options(tmp_path, monkeypatch):
    (tmp_path / "own_models_for_test.py").write_text(
        "import keras\n"
        "def small(shape, classes, hidden: int = 4):\n"
        "    dense = keras.layers.Dense(classes, activation='softmax')\n"
        "    hidden = keras.layers.Dense(hidden)\n"
        "    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), hidden, dense])\n"
    )
    monkeypatch.chdir(tmp_path)
    model = build_model("own_models_for_test:small", SHAPE, 3, hidden=5)
    assert model.layers[1].units == 5
    assert model.layers[-1].activation is keras.activations.linear
    with pytest.raises(UserError, match="no option 'width'; it has hidden"):
        build_model("own_models_for_test:small", SHAPE, 3, width=5)

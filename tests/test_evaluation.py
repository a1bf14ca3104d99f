"""What a model is worth, against scikit-learn."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.metrics import accuracy_score, log_loss

from distill.data import Split
from distill.evaluation import evaluate, predict_logits

RNG = np.random.default_rng(0)
SPLIT = Split(
    RNG.integers(0, 256, (150, 8, 8, 1)).astype("uint8"), RNG.integers(0, 4, 150).astype("int32")
)


def network(*last):
    flat = [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten()]
    return keras.Sequential([*flat, layers.Dropout(0.5), layers.Dense(4), *last])


def test_against_scikit_learn():
    model = network(layers.Softmax())
    probabilities = model.predict(SPLIT.images.astype("float32"), verbose=0)
    got = evaluate(model, SPLIT)
    right = accuracy_score(SPLIT.labels, probabilities.argmax(-1))
    assert got["accuracy"] == pytest.approx(right)
    assert got["errors"] == round((1 - right) * 150)
    assert got["examples"] == 150
    probabilities = probabilities.astype("float64")
    probabilities /= probabilities.sum(-1, keepdims=True)
    nll = log_loss(SPLIT.labels, probabilities, labels=range(4))
    assert got["nll"] == pytest.approx(nll, rel=1e-5)


def test_softmax_or_logits_make_no_difference():
    model = network()
    with_softmax = keras.Sequential([keras.Input((8, 8, 1)), *model.layers, layers.Softmax()])
    first, second = evaluate(model, SPLIT), evaluate(with_softmax, SPLIT)
    assert first == pytest.approx(second, rel=1e-6)


@pytest.mark.parametrize("batch_size", [7, 150, 1000])
def test_logits_in_order_whatever_the_batch(batch_size):
    model = network()
    wanted = np.asarray(model(SPLIT.images.astype("float32"), training=False))
    got = predict_logits(model, SPLIT, batch_size)
    assert got.dtype == "float64"
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)

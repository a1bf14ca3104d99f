"""Metrics of predictions, against scikit-learn, SciPy and numbers worked out by hand."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from distill.data import Split
from distill.errors import UserError
from distill.evaluation import (
    agreement,
    confusion,
    evaluate,
    kl_to_teacher,
    looks_like_probabilities,
    measure,
    multiply_adds,
    per_class_accuracy,
    predict_logits,
    speed,
)

RNG = np.random.default_rng(0)


SPLIT = Split(
    RNG.integers(0, 256, (150, 8, 8, 1)).astype("uint8"), RNG.integers(0, 4, 150).astype("int32")
)


def network(*last):
    flat = [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten()]
    return keras.Sequential([*flat, layers.Dropout(0.5), layers.Dense(4), *last])


def logits_of(probabilities):
    return np.log(np.asarray(probabilities, "float64"))


def test_against_scikit_learn():
    model = network(layers.Softmax())
    probabilities = model.predict(SPLIT.images.astype("float32"), verbose=0)
    got = evaluate(model, SPLIT)
    accuracy = accuracy_score(SPLIT.labels, probabilities.argmax(-1))
    assert got["accuracy"] == pytest.approx(accuracy)
    assert got["errors"] == round((1 - accuracy) * 150)
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


class Probabilities(keras.Model):
    """Ends in softmax, in a way that no mark on its outputs shows."""

    def __init__(self, shape):
        super().__init__()
        self.dense, self.reshape = layers.Dense(4), layers.Reshape(shape)

    def call(self, images):
        logits = self.dense(keras.ops.reshape(images, (-1, 64)) / 255)
        return self.reshape(keras.ops.softmax(logits))


def test_probabilities_are_refused():
    hidden = network(layers.Softmax(), layers.Reshape((4,)))
    for model in (Probabilities((4,)), hidden):
        with pytest.raises(UserError, match=r"are probabilities|returns probabilities"):
            predict_logits(model, SPLIT)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_what_looks_like_probabilities(dtype):
    logits = RNG.normal(size=(30, 1000)) * 3
    probabilities = softmax(logits, axis=-1).astype(dtype)
    assert looks_like_probabilities(probabilities)
    assert not looks_like_probabilities(logits.astype(dtype))
    assert not looks_like_probabilities(probabilities * 2)
    assert not looks_like_probabilities(probabilities - 0.001 + 0.001 * (logits > 0))
    assert not looks_like_probabilities(probabilities[:1])  # one row may be so by chance
    probabilities[3, 0] = np.nan
    assert not looks_like_probabilities(probabilities)


def test_one_image_is_no_false_alarm():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    model.set_weights([np.zeros((64, 2)), np.array([0.25, 0.75])])
    found = predict_logits(model, Split(SPLIT.images[:1], SPLIT.labels[:1]))
    np.testing.assert_array_equal(found, [[0.25, 0.75]])


def test_extreme_logits():
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 0.0, -1e4]])
    got = measure(logits, np.array([0, 0, 0]))
    assert got["errors"] == 1
    assert got["nll"] == pytest.approx(2e4 / 3)
    assert got["ece"] == pytest.approx(1 / 3)
    assert kl_to_teacher(logits, -logits) == pytest.approx((2e4 + 2e4 + 2e4) / 3)


def test_one_example():
    """Probability 1/4 for the label, a confidence of 3/4: NLL is ln 4, and 0 are right."""
    got = measure(logits_of([[0.75, 0.25]]), np.array([1]))
    wanted = {"examples": 1, "errors": 1, "accuracy": 0.0, "nll": np.log(4), "ece": 0.75}
    assert got == pytest.approx(wanted)


def test_top5_by_hand():
    logits = np.tile(np.arange(8.0), (4, 1))  # the five best are classes 3 to 7
    assert measure(logits, np.array([7, 3, 2, 0]))["top5"] == 0.5
    assert "top5" not in measure(logits[:, :5], np.array([0, 1, 2, 3]))


def test_top5_against_scikit_learn():
    logits = RNG.normal(size=(200, 9))
    labels = RNG.integers(0, 7, 200)  # two classes have no example
    wanted = top_k_accuracy_score(labels, logits, k=5, labels=range(9))
    assert measure(logits, labels)["top5"] == pytest.approx(wanted)


def test_equal_logits_are_all_among_the_best():
    """Of 8 equal logits argmax takes the first; with 4 above, class 5 shares the fifth place."""
    got = measure(np.zeros((2, 8)), np.array([0, 7]))
    assert (got["accuracy"], got["top5"]) == (0.5, 1.0)
    logits = np.array([[9.0, 9.0, 9.0, 9.0, 1.0, 1.0, 0.0]] * 2)
    assert measure(logits, np.array([5, 6]))["top5"] == 0.5


def test_measured_numbers_are_plain():
    got = measure(RNG.normal(size=(10, 8)), np.arange(10) % 8)
    assert {type(value) for value in got.values()} == {int, float}
    assert json.loads(json.dumps(got)) == got


def test_not_a_number_stays_visible():
    """One prediction of NaN among good ones must not look like a good score."""
    logits = np.eye(8) * 5
    logits[2] = np.nan
    got = measure(logits, np.arange(8))
    assert np.isnan([got["nll"], got["ece"]]).all()
    assert got["top5"] == 7 / 8
    assert np.isnan(kl_to_teacher(logits, logits))


def test_examples_without_label_are_refused():
    with pytest.raises(UserError, match="1 of 3 examples have no label"):
        measure(np.eye(3), np.array([0, 1, -1]))


def test_confusion_and_accuracy_by_class():
    logits = np.eye(3)[[0, 0, 1, 2, 2]]
    labels = np.array([0, 1, 1, 1, 0])
    np.testing.assert_array_equal(confusion(logits, labels), [[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(per_class_accuracy(logits, labels), [1 / 2, 1 / 3, np.nan])
    # classes that are neither true nor predicted keep their place
    np.testing.assert_array_equal(confusion(np.eye(3)[[1]], np.array([1])), np.diag([0, 1, 0]))


def test_agreement_and_divergence():
    teacher, student = RNG.normal(size=(2, 50, 4)) * 3
    same = np.mean([np.argmax(a) == np.argmax(b) for a, b in zip(teacher, student, strict=True)])
    assert agreement(teacher, student) == pytest.approx(same)
    wanted = np.mean(entropy(softmax(teacher, -1), softmax(student, -1), axis=-1))
    assert kl_to_teacher(teacher, student) == pytest.approx(wanted)
    assert 0.0 <= kl_to_teacher(teacher, teacher + 3.0) < 1e-12
    # 1/2 · ln(1/2 / (1/4)) + 1/2 · ln(1/2 / (3/4)) = 1/2 · ln(4/3)
    by_hand = kl_to_teacher(logits_of([[0.5, 0.5]]), logits_of([[0.25, 0.75]]))
    assert by_hand == pytest.approx(np.log(4 / 3) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_divergence_is_never_negative(seed):
    """Rounding alone would give some of these a negative sum."""
    logits = np.random.default_rng(seed).normal(size=(1, 10))
    assert kl_to_teacher(logits, logits + 1 / 3) >= 0.0


@pytest.mark.parametrize("last", [(), (layers.BatchNormalization(), layers.Softmax())])
def test_nothing_of_the_model_changes(last):
    model = network(*last)
    for value in model.variables:  # moving statistics other than the data's, too
        value.assign(value + 1)
    before = [np.copy(value) for value in model.variables]
    evaluate(model, SPLIT)
    multiply_adds(model)
    speed(model, (8, 8, 1), 4, seconds=0.01)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)

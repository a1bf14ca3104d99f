"""What a model is worth, against scikit-learn."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, log_loss

from distill.data import Split
from distill.evaluation import (
    agreement,
    calibration_error,
    confusion,
    evaluate,
    fit_temperature,
    kl_to_teacher,
    measure,
    multiply_adds,
    per_class_accuracy,
    predict_logits,
    reliability,
    speed,
)

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


def logits_of(probabilities):
    return np.log(np.asarray(probabilities, "float64"))


def test_bins_by_hand():
    """Three bins: (0, 1/3], (1/3, 2/3], (2/3, 1]; a probability on an edge is of the lower bin."""
    probabilities = [[0.5, 0.5], [0.4, 0.6], [2 / 3, 1 / 3], [0.9, 0.1], [1.0, 1e-300], [0.2, 0.8]]
    labels = np.array([0, 0, 0, 0, 0, 1])  # right: the first (of equals), the 3rd to the 6th
    found = reliability(logits_of(probabilities), labels, bins=3)
    np.testing.assert_array_equal(found.count, [0, 3, 3])
    assert np.isnan(found.confidence[0])
    assert np.isnan(found.accuracy[0])
    np.testing.assert_allclose(found.confidence[1:], [(0.5 + 0.6 + 2 / 3) / 3, 0.9])
    np.testing.assert_allclose(found.accuracy[1:], [2 / 3, 1.0])
    wanted = (3 * abs(2 / 3 - (0.5 + 0.6 + 2 / 3) / 3) + 3 * abs(1.0 - 0.9)) / 6
    assert calibration_error(logits_of(probabilities), labels, bins=3) == pytest.approx(wanted)


def simulated(examples=20_000, classes=6, sharper=1.0, seed=0):
    """Labels drawn from the probabilities of logits that are then made sharper than they are."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(examples, classes))
    cumulative = softmax(logits, -1).cumsum(-1)
    labels = (random.random((examples, 1)) > cumulative).sum(-1)
    return logits * sharper, np.minimum(labels, classes - 1)


def test_calibration_error_of_simulated_classifiers():
    assert calibration_error(*simulated()) < 0.015
    logits, labels = simulated(sharper=4.0)
    sure = softmax(logits, -1).max(-1).mean() - np.mean(logits.argmax(-1) == labels)
    assert sure > 0.2
    assert calibration_error(logits, labels) == pytest.approx(sure, abs=0.02)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_scaling_finds_what_was_simulated(temperature):
    logits, labels = simulated(sharper=temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.04)
    fresh, fresh_labels = simulated(sharper=temperature, seed=1)
    scaled = measure(fresh / found, fresh_labels)
    assert scaled["ece"] < 0.015
    assert scaled["nll"] <= measure(fresh, fresh_labels)["nll"] + 1e-4
    assert scaled["accuracy"] == measure(fresh, fresh_labels)["accuracy"]


def test_temperature_of_a_classifier_that_is_always_right():
    assert fit_temperature(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) < 0.06


def test_extreme_logits():
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 0.0, -1e4]])
    got = measure(logits, np.array([0, 0, 0]))
    assert got["errors"] == 1
    assert got["nll"] == pytest.approx(2e4 / 3)
    assert got["ece"] == pytest.approx(1 / 3)
    assert kl_to_teacher(logits, -logits) == pytest.approx((2e4 + 2e4 + 2e4) / 3)


def test_top5_by_hand():
    logits = np.tile(np.arange(8.0), (4, 1))  # the five best are classes 3 to 7
    assert measure(logits, np.array([7, 3, 2, 0]))["top5"] == 0.5
    assert "top5" not in measure(logits[:, :5], np.array([0, 1, 2, 3]))


def test_confusion_and_accuracy_by_class():
    logits = np.eye(3)[[0, 0, 1, 2, 2]]
    labels = np.array([0, 1, 1, 1, 0])
    np.testing.assert_array_equal(confusion(logits, labels), [[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(per_class_accuracy(logits, labels), [1 / 2, 1 / 3, np.nan])


def test_agreement_and_divergence():
    teacher, student = RNG.normal(size=(2, 50, 4)) * 3
    same = np.mean([np.argmax(a) == np.argmax(b) for a, b in zip(teacher, student, strict=True)])
    assert agreement(teacher, student) == pytest.approx(same)
    wanted = np.mean(entropy(softmax(teacher, -1), softmax(student, -1), axis=-1))
    assert kl_to_teacher(teacher, student) == pytest.approx(wanted)
    assert kl_to_teacher(teacher, teacher + 3.0) == pytest.approx(0.0, abs=1e-12)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.depthwise = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")
        self.dense = layers.Dense(5)

    def call(self, x):
        return self.dense(keras.ops.mean(self.depthwise(x), axis=(1, 2)))


class SelfAttention(keras.Model):
    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(num_heads=2, key_dim=4)

    def call(self, x):
        return self.attention(x, x)


COUNTED = {
    # 12·10·3 inputs to 7: 360·7, then 7·5
    "dense": ([layers.Flatten(), layers.Dense(7, "relu"), layers.Dense(5)], 360 * 7 + 7 * 5),
    # valid, stride 2: (12 − 3)//2 + 1 = 5 by (10 − 3)//2 + 1 = 4 places, 4 filters of 3·3·3
    "convolution": ([layers.Conv2D(4, 3, strides=2)], 5 * 4 * 4 * 27),
    # same: 12·10 places, 6 filters of 3·3·1, as each of 3 groups has 1 of the 3 channels
    "groups": ([layers.Conv2D(6, 3, groups=3, padding="same")], 12 * 10 * 6 * 9),
    # same: 12·10 places, 3·2 channels of 3·3 each; then 6·5
    "subclassed, depthwise": ([Subclassed()], 12 * 10 * 6 * 9 + 6 * 5),
    # a model inside a model, with what is not counted
    "nested": ([keras.Sequential([layers.Conv2D(2, 1), layers.BatchNormalization()]),
                layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5, "softmax")],
               12 * 10 * 2 * 3 + 6 * 5 * 2 * 5),
    # 12 rows of 30 features, 2 heads of 4: queries, keys and values, scores, sums, output
    "attention": ([layers.Reshape((12, 30)), SelfAttention(), layers.GlobalAveragePooling1D()],
                  3 * 12 * 30 * 8 + 2 * 12 * 12 * 4 + 2 * 12 * 12 * 4 + 12 * 8 * 30),
    "einsum with dots": ([layers.EinsumDense("...x,xy->...y", output_shape=7),
                          layers.Flatten()], 12 * 10 * 3 * 7),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_multiply_adds_by_hand(name, policy):
    counted, wanted = COUNTED[name]
    keras.config.set_dtype_policy(policy)
    copies = [
        layer if isinstance(layer, keras.Model) else type(layer).from_config(layer.get_config())
        for layer in counted
    ]
    model = keras.Sequential([keras.Input((12, 10, 3)), *copies])
    assert multiply_adds(model, (12, 10, 3)) == wanted


def test_multiply_adds_of_mobilenet():
    """Sandler et al. (2018), table 4: MobileNetV2 at 224 pixels has 300 million."""
    model = keras.applications.MobileNetV2(weights=None)
    assert multiply_adds(model, (224, 224, 3)) == pytest.approx(300e6, rel=0.02)


def test_speed_is_what_the_clock_says(monkeypatch):
    """A clock on which each reading is 1 ms after the last: every call takes 1 ms."""
    ticks = iter(range(10**6))
    monkeypatch.setattr("distill.evaluation.time.perf_counter", lambda: next(ticks) / 1000)
    got = speed(network(), (8, 8, 1), batch_size=32, seconds=0.0)
    assert (got.milliseconds, got.low, got.high) == pytest.approx((1.0, 1.0, 1.0))
    assert got.images_per_second == pytest.approx(32_000)


def test_nothing_of_the_model_changes():
    model = network(layers.BatchNormalization())
    before = [np.copy(value) for value in model.get_weights()]
    evaluate(model, SPLIT)
    multiply_adds(model, (8, 8, 1))
    speed(model, (8, 8, 1), 4, seconds=0.01)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

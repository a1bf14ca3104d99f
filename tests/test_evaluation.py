"""What a model is worth, against scikit-learn and numbers worked out by hand."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from distill.data import Split
from distill.errors import UserError
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


def test_confidence_on_an_edge():
    """Probabilities of 1/5 and 1/2, exactly: 3/15 is the upper edge of the third bin of 15."""
    fifth = reliability(np.zeros((2, 5)), np.array([0, 1]))
    np.testing.assert_array_equal(fifth.count, [0, 0, 2] + 12 * [0])
    assert (fifth.confidence[2], fifth.accuracy[2]) == (0.2, 0.5)
    np.testing.assert_array_equal(reliability(np.zeros((1, 2)), np.array([0]), 2).count, [1, 0])
    certain = reliability(np.array([[1e4, -1e4]]), np.array([1]))
    np.testing.assert_array_equal(certain.count, 14 * [0] + [1])
    assert (certain.confidence[14], certain.accuracy[14]) == (1.0, 0.0)


def test_bins_against_a_loop():
    logits, labels = simulated(examples=500, sharper=1.5)
    found = reliability(logits, labels)
    wanted = [[] for _ in range(15)]
    for row, label in zip(logits, labels, strict=True):
        p = np.exp(row) / sum(np.exp(row))
        wanted[int(np.ceil(max(p) * 15)) - 1].append((max(p), p[label] == max(p)))
    np.testing.assert_array_equal(found.count, [len(each) for each in wanted])
    means = np.array([np.mean(each, axis=0) if each else [np.nan] * 2 for each in wanted])
    np.testing.assert_allclose(found.confidence, means[:, 0])
    np.testing.assert_allclose(found.accuracy, means[:, 1])
    gaps = [len(each) / 500 * abs(np.subtract(*np.mean(each, axis=0))) for each in wanted if each]
    assert calibration_error(logits, labels) == pytest.approx(sum(gaps))


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


def test_temperature_by_hand():
    """Logits 2 and 0, right 3 times of 4: NLL is least where the probability is 3/4, 2/T = ln 3."""
    logits, labels = np.tile([2.0, 0.0], (4, 1)), np.array([0, 0, 0, 1])
    assert fit_temperature(logits, labels) == pytest.approx(2 / np.log(3), rel=1e-4)


@pytest.mark.parametrize("sure", [1.0, 100.0, 1e4])
def test_temperature_at_its_bounds(sure):
    """With 1e4 the NLL of one that is always right is 0, to the last bit, at every temperature."""
    logits = np.array([[2.0, 0.0], [0.0, 1.0]]) * sure
    assert fit_temperature(logits, np.array([0, 1])) == 0.05
    assert fit_temperature(logits, np.array([1, 0])) == pytest.approx(20, rel=1e-4)


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


class Products(layers.Layer):
    """Features by features, and the sum of a varying number of places, by the first operand."""

    def call(self, x):
        rows = x[:, :, 0, :]  # 12 rows of 3 features
        batched = tf.matmul(rows, rows, transpose_a=True)
        single = tf.matmul(rows[0], rows[0], transpose_a=True)
        places = tf.shape(tf.where(x > 0))[0]  # of a size that the graph does not know
        return batched + single + tf.cast(places, x.dtype)


class Broadcast(layers.Layer):
    """One matrix for all 12 matrices of 10 by 3."""

    def call(self, x):
        return tf.einsum("...ij,...jk->...ik", x, tf.ones((1, 1, 3, 4), x.dtype))


COUNTED = {
    # 12·10·3 inputs to 7: 360·7, then 7·5
    "dense": ([layers.Flatten(), layers.Dense(7, "relu"), layers.Dense(5)], 360 * 7 + 7 * 5),
    # valid, stride 2: (12 − 3)//2 + 1 = 5 by (10 − 3)//2 + 1 = 4 places, 4 filters of 3·3·3
    "convolution": ([layers.Conv2D(4, 3, strides=2)], 5 * 4 * 4 * 27),
    # same: 12·10 places, 6 filters of 3·3·1, as each of 3 groups has 1 of the 3 channels
    "groups": ([layers.Conv2D(6, 3, groups=3, padding="same")], 12 * 10 * 6 * 9),
    # 12·10 places, 3 inputs to 4; then 6 filters of 3·3·2, as each of 2 groups has 2 of 4 channels
    "two groups": ([layers.Conv2D(4, 1), layers.Conv2D(6, 3, groups=2, padding="same")],
                   12 * 10 * 3 * 4 + 12 * 10 * 6 * 18),
    # each of 12·10·3 inputs goes into 3·3 places of 4 outputs
    "transposed": ([layers.Conv2DTranspose(4, 3, strides=2)], 12 * 10 * 3 * 9 * 4),
    # twice 3·3 sums of 12 products
    "transposed products": ([Products(), layers.Flatten()], 2 * 3 * 3 * 12),
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
    "einsum that broadcasts": ([Broadcast(), layers.Flatten()], 12 * 10 * 3 * 4),
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
    assert multiply_adds(model) == wanted
    assert multiply_adds(model, (12, 10, 3)) == wanted


def test_multiply_adds_of_another_size():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 1)])
    assert multiply_adds(model, (6, 5, 3)) == 6 * 5 * 3 * 4
    with pytest.raises(UserError, match="give an input_shape"):
        multiply_adds(model)


def test_multiply_adds_of_mobilenet():
    """Sandler et al. (2018), table 4: MobileNetV2 at 224 pixels has 300 million."""
    model = keras.applications.MobileNetV2(weights=None)
    assert multiply_adds(model, (224, 224, 3)) == pytest.approx(300e6, rel=0.02)


def test_speed_is_what_the_clock_says(monkeypatch):
    """The shortest run, 10 calls of 1 to 10 ms: quartiles at 3.25, 5.5 and 7.75 ms."""
    readings = [0.0]  # when to stop; then the begin and the end of each call; then: stop now?
    for call in range(10):
        readings += [call, call + (10 - call) / 1000]
    clock = iter([*readings, 100.0])
    module = SimpleNamespace(perf_counter=lambda: next(clock))
    monkeypatch.setattr("distill.evaluation.time", module)
    got = speed(network(), (8, 8, 1), batch_size=32, seconds=0.0)
    assert (got.low, got.milliseconds, got.high) == pytest.approx((3.25, 5.5, 7.75))
    assert (got.batch_size, got.images_per_second) == pytest.approx((32, 32 / 0.0055))
    assert next(clock, "read") == "read"


def test_speed_goes_on_for_its_time(monkeypatch):
    """With 10 ms to each reading, 1 s has 100 of them: two for a call, from the 10th on three."""
    readings = []
    module = SimpleNamespace(perf_counter=lambda: readings.append(0) or len(readings) / 100)
    monkeypatch.setattr("distill.evaluation.time", module)
    got = speed(network(), (8, 8, 1), batch_size=1, seconds=1.0)
    assert got.milliseconds == pytest.approx(10)
    assert len(readings) == pytest.approx(101, abs=2)
    json.dumps(vars(got))
    assert type(got.milliseconds) is type(got.images_per_second) is float


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

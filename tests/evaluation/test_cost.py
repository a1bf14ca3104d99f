"""Multiply-adds worked out by hand, and latency by a simulated clock."""

import json
from types import SimpleNamespace

import keras
import pytest
from keras import layers

from distill.errors import UserError
from distill.evaluation import multiply_adds, speed


def network():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(4)])


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


def model_of(*parts):
    return keras.Sequential(list(parts))


COUNTED = {
    "dense": (
        lambda: [layers.Flatten(), layers.Dense(7, "relu"), layers.Dense(5)],
        360 * 7 + 7 * 5,  # 12·10·3 = 360 inputs
    ),
    "convolution": (
        lambda: [layers.Conv2D(4, 3, strides=2)],
        # valid: (12 − 3)//2 + 1 = 5 by (10 − 3)//2 + 1 = 4 places, 4 filters of 3·3·3
        5 * 4 * 4 * 27,
    ),
    "groups": (
        lambda: [layers.Conv2D(6, 3, groups=3, padding="same")],
        12 * 10 * 6 * 9,  # each of 3 groups has 1 of the 3 channels: 6 filters of 3·3·1
    ),
    "two groups": (
        lambda: [layers.Conv2D(4, 1), layers.Conv2D(6, 3, groups=2, padding="same")],
        # 3 channels to 4; then each of 2 groups has 2 of the 4 channels: 6 filters of 3·3·2
        12 * 10 * 3 * 4 + 12 * 10 * 6 * 18,
    ),
    "transposed": (
        lambda: [layers.Conv2DTranspose(4, 3, strides=2)],
        12 * 10 * 3 * 9 * 4,  # each input is multiplied by 3·3 weights for each of 4 outputs
    ),
    "subclassed, depthwise": (
        lambda: [Subclassed()],
        12 * 10 * 6 * 9 + 6 * 5,  # 3·2 channels of 3·3 each; then 6·5
    ),
    "nested": (
        lambda: [
            model_of(layers.Conv2D(2, 1), layers.BatchNormalization()),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(5, "softmax"),
        ],
        12 * 10 * 2 * 3 + 6 * 5 * 2 * 5,
    ),
    "attention": (
        lambda: [layers.Reshape((12, 30)), SelfAttention(), layers.GlobalAveragePooling1D()],
        # 12 rows of 30 features, 2 heads of 4: queries, keys and values, scores, sums, output
        3 * 12 * 30 * 8 + 2 * 12 * 12 * 4 + 2 * 12 * 12 * 4 + 12 * 8 * 30,
    ),
    "einsum with dots": (
        lambda: [layers.EinsumDense("...x,xy->...y", output_shape=7), layers.Flatten()],
        12 * 10 * 3 * 7,
    ),
}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_multiply_adds_by_hand(name, policy):
    if name == "attention" and keras.backend.backend() == "torch":
        pytest.skip("PyTorch does not count what its fused attention computes")
    make, wanted = COUNTED[name]
    keras.config.set_dtype_policy(policy)
    model = keras.Sequential([keras.Input((12, 10, 3)), *make()])
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
    monkeypatch.setattr("distill.evaluation.cost.time", module)
    got = speed(network(), (8, 8, 1), batch_size=32, seconds=0.0)
    assert (got.low, got.milliseconds, got.high) == pytest.approx((3.25, 5.5, 7.75))
    assert (got.batch_size, got.images_per_second) == pytest.approx((32, 32 / 0.0055))
    assert next(clock, "read") == "read"


def test_speed_goes_on_for_its_time(monkeypatch):
    """With 10 ms to each reading, 1 s has 100 of them: two for a call, from the 10th on three."""
    readings = []
    module = SimpleNamespace(perf_counter=lambda: readings.append(0) or len(readings) / 100)
    monkeypatch.setattr("distill.evaluation.cost.time", module)
    got = speed(network(), (8, 8, 1), batch_size=1, seconds=1.0)
    assert got.milliseconds == pytest.approx(10)
    assert len(readings) == pytest.approx(101, abs=2)
    json.dumps(vars(got))
    assert type(got.milliseconds) is type(got.images_per_second) is float

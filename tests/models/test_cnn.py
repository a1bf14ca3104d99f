"""Convolutional networks: parameter counts worked out by hand."""

import pytest

from distill.models import build_model


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(inputs, outputs):
    return 9 * inputs * outputs + outputs


@pytest.mark.parametrize(
    ("units", "parameters"),
    [(128, 2_080_677), (64, 1_089_061), (32, 593_253), (16, 345_349)],
)
def test_flower_cnn_sizes_of_the_source(units, parameters):
    by_hand = sum(conv(*pair) for pair in ((3, 16), (16, 32), (32, 64), (64, 128)))
    by_hand += dense(11 * 11 * 128, units) + dense(units, 5)
    assert by_hand == parameters
    assert build_model("flower_cnn", (180, 180, 3), 5, dense=units).count_params() == parameters


def test_digits_cnn():
    by_hand = conv(1, 16) + conv(16, 16) + conv(16, 32) + conv(32, 32)
    by_hand += dense(2 * 2 * 32, 64) + dense(64, 10)
    model = build_model("cnn", (8, 8, 1), 10, filters=16, dense=64)
    assert model.count_params() == by_hand

"""The separable network: its parameters by hand, its feature maps, and what it refuses."""

import numpy as np
import pytest

from distill.errors import UserError
from distill.models import build_model


def by_hand(width, channels, classes):
    first, *counts = (max(4, round(n * width)) for n in (32, 64, 128, 128, 256, 256, 512))
    total, before = 9 * channels * first + 4 * first, first
    for count in counts:
        total += 9 * before + 4 * before + before * count + 4 * count
        before = count
    return total + before * classes + classes


@pytest.mark.parametrize(
    ("width", "parameters"), [(1.0, 278_730), (0.5, 75_370), (0.25, 21_690), (0.125, 6_850)]
)
def test_parameters(width, parameters):
    assert by_hand(width, 3, 10) == parameters
    assert build_model("separable_cnn", (32, 32, 3), 10, width=width).count_params() == parameters


@pytest.mark.parametrize(("size", "last"), [(8, 4), (16, 4), (28, 7), (64, 4), (97, 7)])
def test_the_feature_map_stays_large_enough(size, last):
    model = build_model("separable_cnn", (size, size, 1), 3, width=0.125)
    assert model.get_layer("block6_point_relu").output.shape[1:3] == (last, last)
    assert model(np.zeros((2, size, size, 1), "float32")).shape == (2, 3)


def test_refused():
    with pytest.raises(UserError, match="too small for the model 'separable_cnn'"):
        build_model("separable_cnn", (7, 9, 3), 3)
    with pytest.raises(UserError, match=r"width is 0, and must be above 0, e\.g\. 0\.25\."):
        build_model("separable_cnn", (8, 8, 3), 3, width=0)

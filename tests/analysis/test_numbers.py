"""Numbers as people read them."""

import math

import pytest

from distill.analysis.numbers import count, p_value, percent, plain, signed


def test_mean_and_standard_deviation_by_hand():
    # 0.96 and 0.98: mean 0.97, standard deviation 0.01·√2
    assert percent([0.96, 0.98]) == "97.00 ± 1.41 %"
    assert percent([0.5]) == "50.00 %"
    assert plain([67, 70]) == "68.5 ± 2.1"
    assert plain([67]) == "67"
    assert plain([0.12345], digits=3) == "0.123"


@pytest.mark.parametrize(("value", "shown"), [(0.0004, "< 0.001"), (0.0123, "0.012"), (1.0, "1")])
def test_p_values(value, shown):
    assert p_value(value) == shown


def test_a_p_value_that_is_not_there():
    assert p_value(math.nan) == "–"


def test_signs_and_counts():
    assert signed(0.0123) == "+1.2"
    assert signed(-0.0123).endswith("1.2")
    assert count(1, "seed") == "1 seed"
    assert count(3, "seed") == "3 seeds"

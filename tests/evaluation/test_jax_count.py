"""Multiply-adds on JAX, in a process of its own; test_cost.py has more layers."""

import pytest
from other_backend import check_count


def test_a_convolution_and_a_product():
    pytest.importorskip("jax")
    check_count("jax")

"""Multiply-adds on PyTorch, in a process of its own; test_cost.py has more layers."""

import os
import subprocess
import sys

import pytest

CODE = """
import keras
from keras import layers
from distill.evaluation import multiply_adds
convolution = layers.Conv2D(4, 3, strides=2, activation="relu")
model = keras.Sequential([keras.Input((12, 10, 3)), convolution, layers.Flatten(), layers.Dense(7)])
print(multiply_adds(model))
"""


def test_a_convolution_and_a_product():
    pytest.importorskip("torch")
    command = [sys.executable, "-c", CODE]
    found = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(5 * 4 * 4 * 27 + 80 * 7), found.stderr

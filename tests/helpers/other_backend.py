"""Python code in a process of its own, on a backend that need not be this process's."""

import os
import subprocess
import sys
from pathlib import Path

HELPERS = Path(__file__).parent


def run(backend, *arguments):
    """Runs Python with these arguments, where the package and the helpers can be imported."""
    path = os.pathsep.join([str(HELPERS.parents[1]), str(HELPERS)])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


COUNT = """
import keras
from keras import layers
from distill.evaluation import multiply_adds
convolution = layers.Conv2D(4, 3, strides=2, activation="relu")
model = keras.Sequential([keras.Input((12, 10, 3)), convolution, layers.Flatten(), layers.Dense(7)])
print(multiply_adds(model))
"""


def check_count(backend):
    """The multiply-adds of a convolution and a product, by hand."""
    found = run(backend, "-c", COUNT)
    assert found.stdout.strip() == str(5 * 4 * 4 * 27 + 80 * 7), found.stderr

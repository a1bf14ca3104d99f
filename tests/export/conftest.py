"""A tiny trained classifier, and its files in the formats that are converted quickly."""

import dataclasses

import keras
import numpy as np
import pytest

from distill.data import ImageData, Split, load_digits
from distill.evaluation import predict_logits
from distill.export import FORMATS, deployable
from distill.models import build_model

FAST = ("litert", "litert-int8", "onnx")  # TensorFlow takes long to start in a new process


@dataclasses.dataclass(frozen=True)
class Small:
    """A trained model, its data with few test images, and its logits on them."""

    model: keras.Model
    data: ImageData
    logits: np.ndarray

    def write(self, name, path, model=None):
        """Writes a file in a format, without checking it."""
        pytest.importorskip("ai_edge_litert")
        pytest.importorskip("tf2onnx")
        images, names = self.data.train.images, self.data.class_names
        FORMATS[name].write(model or deployable(self.model), path, names, images)
        return path


@pytest.fixture(scope="session")
def small():
    keras.utils.set_random_seed(0)
    digits = load_digits()
    test = Split(digits.test.images[:100], digits.test.labels[:100])
    data = dataclasses.replace(digits, test=test)
    model = build_model("cnn", data.image_shape, data.classes, filters=4, dense=16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    images = data.train.images.astype("float32")
    model.fit(images, data.train.labels, batch_size=64, epochs=4, verbose=0)
    return Small(model, data, predict_logits(model, test))


@pytest.fixture(scope="session")
def files(small, tmp_path_factory):
    """The path of a file in each fast format, and of a SavedModel."""
    folder = tmp_path_factory.mktemp("files")
    found = {}
    for name in (*FAST, "saved-model"):
        (folder / name).mkdir()
        found[name] = small.write(name, folder / name / FORMATS[name].file)
    return found


@pytest.fixture
def betainc():
    """A model with an operation that neither LiteRT nor ONNX has."""

    class Betainc(keras.layers.Layer):
        def call(self, x):
            import tensorflow as tf

            half = x * 0 + 0.5
            return x + tf.math.betainc(half, half, half)

    layers = [keras.layers.Flatten(), keras.layers.Dense(10), Betainc()]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers], name="odd")

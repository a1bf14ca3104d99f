"""What holds for each method: it trains a small convolutional pair, and is saved with it."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from distill.distiller import Distiller
from distill.methods import METHODS, get_method

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 8, 8, 3)).astype("float32")
Y = {"labels": np.arange(16) % 3, "index": np.arange(16)}
CHANNELS = {"fsp": (4, 5)}  # the same in both models


def network(name, first, second):
    """Two stages with batch normalisation and dropout, the second one in a model of its own."""
    stage = keras.Sequential(
        [layers.Conv2D(second, 3, strides=2, padding="same"), layers.BatchNormalization()],
        name="stage",
    )
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(first, 3, padding="same", activation="relu"),
            stage,
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ],
        name=name,
    )


def values(model):
    return [weight.copy() for weight in model.get_weights()]


def changed(before, after):
    return [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]


def check_that_it_trains_and_is_saved(name, folder):
    teacher = network("teacher", *CHANNELS.get(name, (6, 8)))
    student = network("student", 4, 5)
    method = get_method(name)
    distiller = Distiller(teacher=teacher, student=student, method=method, alpha=0.5, examples=16)
    distiller.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    before = values(teacher), values(student), values(method)
    trainable = [weight.trainable for weight in method.weights]
    distiller.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert not any(changed(before[0], values(teacher)))
    assert all(changed(before[1], values(student)))
    learned = changed(before[2], values(method))
    assert all(moved for moved, learns in zip(learned, trainable, strict=True) if learns)
    losses = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    assert all(np.isfinite(loss) for loss in losses.values())
    distiller.save(folder / "distiller.keras")
    again = keras.models.load_model(folder / "distiller.keras")
    found = again.evaluate(X, Y, verbose=0, return_dict=True)
    assert found == pytest.approx(losses, rel=1e-4)
    assert again.student.count_params() == network("same", 4, 5).count_params()


@pytest.mark.parametrize("name", sorted({*METHODS} - {"multi_label_kd"}))
def test_trains_student_and_projections_and_comes_back_from_a_file(name, tmp_path):
    check_that_it_trains_and_is_saved(name, tmp_path)


def test_the_example_of_contributing_is_a_method(tmp_path, monkeypatch):
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")
    names = {}
    exec(re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1], names)
    monkeypatch.setitem(METHODS, "cosine", names["Cosine"])
    check_that_it_trains_and_is_saved("cosine", tmp_path)

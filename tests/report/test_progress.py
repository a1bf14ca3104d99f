"""The progress bar: it reaches its end, also when steps run together or a run resumes."""

import io

import keras
import numpy as np
import pytest
from rich.console import Console

from distill.report.progress import EpochBar


@pytest.mark.parametrize(("together", "first"), [(1, 0), (4, 0), (1, 2)])
def test_bar_reaches_its_end(together, first):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"], steps_per_execution=together)
    x, y = np.zeros((32, 2), "float32"), np.zeros(32)
    file = io.StringIO()
    with EpochBar(Console(file=file, width=80)) as bar:
        callback = bar.callback("teacher, seed 0")
        model.fit(
            x, y, batch_size=4, epochs=3, initial_epoch=first, verbose=0,
            validation_data=(x, y), callbacks=[callback],
        )  # fmt: skip
        (task,) = bar._progress.tasks
        assert task.completed == task.total == 3 * 8
    assert "epoch 3/3, val. accuracy" in file.getvalue()
    assert "teacher, seed 0" in file.getvalue()

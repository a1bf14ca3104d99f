"""Events tell how far a training is, also when several steps run in one call."""

import pickle

import keras
import numpy as np
import pytest

from distill.training import events as module
from distill.training.events import Ended, EpochEnded, EventCallback, Progressed, Started, ignore


def listen(together, epochs=2, first=0):
    """Trains 10 steps in each epoch; returns the events."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=together)
    x, y = np.zeros((40, 2), "float32"), np.zeros((40, 1), "float32")
    found = []
    callback = EventCallback(found.append, "teacher, seed 0", steps=10)
    settings = {"epochs": epochs, "initial_epoch": first, "batch_size": 4, "verbose": 0}
    model.fit(x, y, callbacks=[callback], **settings)
    return found


@pytest.mark.parametrize("together", [1, 4, 10])
def test_what_a_training_tells(together, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_STEPS", -1.0)
    start, *middle, end = listen(together)
    assert start == Started("teacher, seed 0", epochs=2, steps=10)
    assert end == Ended()
    ended = [event for event in middle if isinstance(event, EpochEnded)]
    assert [event.epoch for event in ended] == [1, 2]
    assert all(set(event.logs) == {"loss"} for event in ended)
    steps = [event.steps for event in middle if isinstance(event, Progressed)]
    one_epoch = [*range(together, 10, together), 10]
    assert steps == [*one_epoch, *(10 + step for step in one_epoch)]


def test_a_resumed_training_tells_where_it_is(monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_STEPS", -1.0)
    found = listen(10, epochs=3, first=2)
    assert found[0].epochs == 3
    assert found[1] == Progressed(30)
    assert found[2].epoch == 3


def test_steps_are_told_twice_a_second_at_most(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("distill.training.events.time.monotonic", lambda: now[0])
    found = []
    callback = EventCallback(found.append, "x", steps=100)
    for batch, seconds in enumerate((0.0, 0.2, 0.2, 0.2, 0.6)):
        now[0] += seconds
        callback.on_train_batch_end(batch)
    assert found == [Progressed(1), Progressed(4), Progressed(5)]


def test_events_can_be_sent_to_another_process():
    for event in (Started("x", 2, 10), Progressed(3), EpochEnded(1, {"loss": 0.5}), Ended()):
        assert pickle.loads(pickle.dumps(event)) == event
        assert ignore(event) is None

"""What a training tells while it runs; whoever listens draws it."""

import dataclasses
import time
from collections.abc import Callable

import keras

_SECONDS_BETWEEN_STEPS = 0.5


@dataclasses.dataclass(frozen=True)
class Started:
    """A training begins. The title is its name on the terminal, `steps` those of an epoch."""

    title: str
    epochs: int
    steps: int


@dataclasses.dataclass(frozen=True)
class Progressed:
    """So many steps are done, over all epochs; sent twice a second at most."""

    steps: int


@dataclasses.dataclass(frozen=True)
class EpochEnded:
    """An epoch ended. Epochs are counted from 1; `logs` are the logged values by name."""

    epoch: int
    logs: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Ended:
    """A training ended."""


Event = Started | Progressed | EpochEnded | Ended
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listens to nothing."""


class EventCallback(keras.callbacks.Callback):
    """Sends a training's events."""

    async_safe = True  # it reads no logs while an epoch runs

    def __init__(self, on_event: OnEvent, title: str, steps: int):
        super().__init__()
        self._on_event, self._title, self._steps = on_event, title, steps
        self._epoch, self._sent = 0, 0.0

    def on_train_begin(self, logs=None):
        self._on_event(Started(self._title, self.params["epochs"], self._steps))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if now - self._sent > _SECONDS_BETWEEN_STEPS:
            self._sent = now
            # Keras counts the last call of an epoch as if it were as long as the others.
            done = min(batch + 1, self._steps)
            self._on_event(Progressed(self._epoch * self._steps + done))

    def on_epoch_end(self, epoch, logs=None):
        self._on_event(EpochEnded(epoch + 1, dict(logs or {})))

    def on_train_end(self, logs=None):
        self._on_event(Ended())

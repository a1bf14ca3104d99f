"""Progress on the terminal while models train: one bar for each training, with time left."""

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class EpochBar:
    """Shows one progress bar for each training; a context manager.

    Args:
        console: where the bars are drawn.
    """

    def __init__(self, console: Console):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
        )

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *exception):
        self._progress.stop()

    def callback(self, label: str) -> keras.callbacks.Callback:
        """Returns the Keras callback that draws the bar of one training."""
        return _Bar(self._progress, label)


class _Bar(keras.callbacks.Callback):
    async_safe = True

    def __init__(self, progress, label):
        super().__init__()
        self._progress, self._label = progress, label

    def on_train_begin(self, logs=None):
        self._epochs = self.params["epochs"]
        self._steps = self.params["steps"] or 1
        self._epoch = 0
        self._task = self._progress.add_task(
            self._label, total=self._epochs * self._steps, state="starting"
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._progress.update(self._task, completed=self._epoch * self._steps + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        accuracy = (logs or {}).get("val_accuracy", float("nan"))
        state = f"epoch {epoch + 1}/{self._epochs}, val. accuracy {accuracy:.3f}"
        self._progress.update(self._task, state=state, completed=(epoch + 1) * self._steps)

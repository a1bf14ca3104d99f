"""The terminal, and progress on it while models train: the training at work, and all runs."""

import sys
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_NOTEBOOK_COLUMNS = 96  # as many as Jupyter Lab shows beside its list of files
_REFRESH_SECONDS = 0.5


def make_console() -> Console:
    """Returns the terminal or, in a notebook, the output of its cell, no wider than its page.

    There it prints text with colours, whose lines follow each other. Rich's own way is a piece of
    HTML for each line, with gaps between them and what is too long cut off.
    """
    console = Console()
    if not console.is_jupyter:
        return console
    width = min(console.width, _NOTEBOOK_COLUMNS)
    return Console(file=sys.stdout, width=width, force_jupyter=False, force_terminal=True,
                   color_system="standard")  # fmt: skip


class RunProgress:
    """Shows a bar for the training at work and, above one run, one for all; a context manager.

    Args:
        console: where the bars are drawn; in a notebook they are a widget, whatever it is.
        seconds: the estimated time of each run that is to be trained, in their order.
    """

    def __init__(self, console: Console, seconds: list[float]):
        self.console = console
        widget = Console()
        # A thread that draws the widget would draw the lines into it that are printed meanwhile,
        # and wipe them out. So it is drawn between them, by this thread.
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[state]}"),
            console=widget if widget.is_jupyter else console,
            transient=True,
            auto_refresh=not widget.is_jupyter,
        )
        self._seconds, self._finished = seconds, 0
        self._began = time.monotonic()
        self._all = None

    def __enter__(self):
        self._progress.start()
        if len(self._seconds) > 1:
            self._all = self._progress.add_task("all runs", total=sum(self._seconds), state="")
            self._show()
        return self

    def __exit__(self, *exception):
        self._progress.stop()

    def callback(self, label: str) -> keras.callbacks.Callback:
        """Returns the Keras callback that draws the bar of one training."""
        return _Bar(self._progress, label)

    def finished(self) -> None:
        """Counts one more run as done, trained or failed."""
        self._finished += 1
        self._show()

    def _show(self):
        if self._all is None:
            return
        done = sum(self._seconds[: self._finished])
        left = sum(self._seconds[self._finished :])
        if done:  # by what the runs so far took, not by what they were thought to take
            left *= (time.monotonic() - self._began) / done
        state = f"{self._finished} of {len(self._seconds)}, about {duration(left)} left"
        self._progress.update(self._all, completed=done, state=state, refresh=True)


class _Bar(keras.callbacks.Callback):
    async_safe = True

    def __init__(self, progress, label):
        super().__init__()
        self._progress, self._label = progress, label
        self._drawn = 0.0

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
        now = time.monotonic()
        is_due = now - self._drawn > _REFRESH_SECONDS
        self._drawn = now if is_due else self._drawn
        done = self._epoch * self._steps + batch + 1
        self._progress.update(self._task, completed=done, refresh=is_due)

    def on_epoch_end(self, epoch, logs=None):
        accuracy = (logs or {}).get("val_accuracy", float("nan"))
        state = f"epoch {epoch + 1}/{self._epochs}, val. accuracy {accuracy:.3f}"
        self._progress.update(self._task, state=state, completed=(epoch + 1) * self._steps)

    def on_train_end(self, logs=None):
        self._progress.update(self._task, visible=False)


def duration(seconds: float) -> str:
    """Returns a time in words.

    Example:

    >>> duration(8.2), duration(100), duration(7300)
    ('8 s', '1 min 40 s', '2 h 1 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

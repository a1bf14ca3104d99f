"""Progress on the terminal while models train: one bar for the training, one for all runs."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from distill.training.events import Ended, EpochEnded, Event, Progressed, Started

_NOTEBOOK_COLUMNS = 96  # as many as Jupyter Lab shows beside its list of files


def make_console() -> Console:
    """Returns the terminal or, in a notebook, the output of its cell, no wider than its page."""
    console = Console()
    if not console.is_jupyter:
        return console
    # As HTML, Rich leaves gaps between lines and cuts long ones; so this is coloured text.
    return Console(
        file=sys.stdout,
        width=min(console.width, _NOTEBOOK_COLUMNS),
        force_jupyter=False,
        force_terminal=True,
        color_system="standard",
    )


class RunProgress:
    """Shows a bar for the present training and, with several runs, one for all of them.

    It is a context manager, and a listener to the events of a training. `seconds` holds the
    estimated time of each run that is to be trained, in order.
    """

    def __init__(self, console: Console, seconds: list[float]):
        self.console = console
        widget = Console()
        # In a notebook, a thread that redraws the widget would wipe out lines that are printed in
        # the meantime. So the bars are redrawn between the lines, by this thread.
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
        self._all = self._bar = None
        self._started = Started("", 1, 1)

    def __enter__(self):
        self._progress.start()
        if len(self._seconds) > 1:
            self._all = self._progress.add_task("all runs", total=sum(self._seconds), state="")
            self._show()
        return self

    def __exit__(self, *exception):
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Draws what happened."""
        if isinstance(event, Started):
            total = event.epochs * event.steps
            self._started = event
            self._bar = self._progress.add_task(event.title, total=total, state="starting")
        elif isinstance(event, Progressed):
            self._progress.update(self._bar, completed=event.steps, refresh=True)
        elif isinstance(event, EpochEnded):
            accuracy = event.logs.get("val_accuracy", float("nan"))
            state = f"epoch {event.epoch}/{self._started.epochs}, val. accuracy {accuracy:.3f}"
            done = event.epoch * self._started.steps
            self._progress.update(self._bar, state=state, completed=done)
        elif isinstance(event, Ended):
            self._progress.update(self._bar, visible=False)

    def finished(self) -> None:
        """Counts one more run as done, trained or failed."""
        if self._bar is not None:  # of a failed training, which does not tell its end
            self._progress.update(self._bar, visible=False)
        self._finished += 1
        self._show()

    def _show(self):
        if self._all is None:
            return
        done = sum(self._seconds[: self._finished])
        left = sum(self._seconds[self._finished :])
        if done:  # corrects the estimate by the time that the runs so far took
            left *= (time.monotonic() - self._began) / done
        state = f"{self._finished} of {len(self._seconds)}, about {duration(left)} left"
        self._progress.update(self._all, completed=done, state=state, refresh=True)


def duration(seconds: float) -> str:
    """Returns a time in words.

    >>> duration(8.2), duration(100), duration(7300)
    ('8 s', '1 min 40 s', '2 h 1 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

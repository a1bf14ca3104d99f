"""The progress bar: it reaches its end, also when steps run together or a run resumes."""

import io

import keras
import numpy as np
import pytest
from rich.console import Console

from distill.experiments.progress import RunProgress, make_console
from distill.training.events import EpochEnded, EventCallback, Progressed, Started


@pytest.mark.parametrize(("together", "first"), [(1, 0), (3, 0), (8, 0), (1, 2)])
def test_the_bar_reaches_its_end(together, first):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"], steps_per_execution=together)
    x, y = np.zeros((32, 2), "float32"), np.zeros(32)
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True)
    with RunProgress(console, [2.0]) as progress:
        callback = EventCallback(progress, "teacher, seed 0", steps=8)
        settings = {"epochs": 3, "initial_epoch": first, "batch_size": 4, "verbose": 0}
        model.fit(x, y, **settings, validation_data=(x, y), callbacks=[callback])
        (task,) = progress._progress.tasks
        assert task.completed == task.total == 3 * 8
        assert task.fields["state"].startswith("epoch 3/3, val. accuracy")
        assert not task.visible
    assert "teacher, seed 0" in file.getvalue()


def test_steps_and_epochs_move_the_bar():
    with RunProgress(Console(file=io.StringIO(), width=80), [2.0]) as progress:
        progress(Started("x", epochs=4, steps=10))
        (task,) = progress._progress.tasks
        assert (task.total, task.fields["state"]) == (40, "starting")
        progress(Progressed(7))
        assert task.completed == 7
        progress(EpochEnded(1, {"val_accuracy": 0.5}))
        assert (task.completed, task.fields["state"]) == (10, "epoch 1/4, val. accuracy 0.500")


def test_the_bar_of_a_failed_training_disappears():
    with RunProgress(Console(file=io.StringIO(), width=80), [2.0, 2.0]) as progress:
        progress.finished()  # one that failed before its training began
        progress(Started("x", epochs=4, steps=10))
        bar = progress._progress.tasks[-1]
        assert bar.visible
        progress.finished()
        assert not bar.visible


def test_all_runs_together_and_the_time_that_is_left(monkeypatch):
    """Two runs of 10 and 30 s: the first took 5 s, so that 15 s are left."""
    now = [100.0]
    monkeypatch.setattr("distill.experiments.progress.time.monotonic", lambda: now[0])
    with RunProgress(Console(file=io.StringIO(), width=80), [10.0, 30.0]) as progress:
        (task,) = progress._progress.tasks
        assert task.fields["state"] == "0 of 2, about 40 s left"
        now[0] += 5
        progress.finished()
        assert (task.completed, task.total) == (10.0, 40.0)
        assert task.fields["state"] == "1 of 2, about 15 s left"


@pytest.mark.parametrize(("in_notebook", "columns", "width"), [(False, 200, 200), (True, 115, 96)])
def test_in_a_notebook_lines_are_no_wider_than_its_page(in_notebook, columns, width, monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: in_notebook)
    for name in ("COLUMNS", "JUPYTER_COLUMNS"):
        monkeypatch.setenv(name, str(columns))
    assert make_console().width == width


def test_in_a_notebook_lines_are_text_and_bars_a_widget(monkeypatch, capsys):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    console = make_console()
    console.print("[bold]all[/] of it")
    assert capsys.readouterr().out == "\x1b[1mall\x1b[0m of it\n"
    progress = RunProgress(console, [1.0])
    assert progress.console is console
    assert progress._progress.console.is_jupyter
    assert not progress._progress.live.auto_refresh  # its thread would swallow printed lines

"""Where runs execute: one that fails costs those that need it, and no other."""

from pathlib import Path

import pytest
import tensorflow as tf

from distill.errors import UserError
from distill.experiments.execution import Failure, StopExperiment, run_here
from distill.experiments.plan import Task
from distill.recipes import Recipe
from distill.run_folder import Run


def task(name, root, **needs):
    return Task("student", Recipe(), root / name, f"label of {name}", {}, **needs)


def outcomes(tasks, behaviour):
    """Runs tasks; `behaviour` gives by name what is raised. Returns the names of what was run."""
    run = []

    def run_one(task, done):
        run.append(task.folder.name)
        assert set(task.needs) <= set(done)
        if task.folder.name in behaviour:
            raise behaviour[task.folder.name]
        return Run("student", 0, "key", task.folder, {})

    return run, list(run_here(tasks, run_one))


@pytest.fixture
def tasks(tmp_path):
    root = Path(tmp_path)
    return [
        task("teacher", root),
        task("other", root),
        task("distilled", root, teacher=root / "teacher"),
        task("timed", root, as_long_as=(root / "distilled", root / "other")),
        task("last", root),
    ]


def test_all_are_run_in_order(tasks):
    run, found = outcomes(tasks, {})
    assert run == ["teacher", "other", "distilled", "timed", "last"]
    assert [outcome.folder for outcome in found] == [task.folder for task in tasks]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("The loss became nan."), "The loss became nan."),
        (MemoryError(), "memory ran out"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), "memory ran out"),
        (ZeroDivisionError("division by zero\nmore"), "ZeroDivisionError: division by zero; all"),
        (KeyError(), "KeyError: no message"),
    ],
)
def test_a_failure_costs_only_what_needs_it(tasks, error, reason):
    run, found = outcomes(tasks, {"teacher": error})
    assert run == ["teacher", "other", "last"]
    failed = [outcome.task.folder.name for outcome in found if isinstance(outcome, Failure)]
    assert failed == ["teacher", "distilled", "timed"]
    assert reason in found[0].reason
    assert "it needs teacher, which failed" in found[2].reason
    kept = tasks[0].folder / "failure.txt"
    assert kept.exists() == (type(error) in (ZeroDivisionError, KeyError))
    if kept.exists():
        assert "Traceback" in kept.read_text()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(28, "No space left on device"), StopExperiment("x")]
)
def test_what_ends_all(tasks, error):
    with pytest.raises(type(error)):
        outcomes(tasks, {"other": error})

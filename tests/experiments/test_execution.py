"""Where runs execute: a failure costs those that need the run, and no other."""

import pytest
import tensorflow as tf

from distill.errors import UserError
from distill.experiments.execution import Failure, StopExperiment, execute
from distill.recipes import Recipe
from distill.runs import Role, Run
from distill.training.spec import RunSpec


@pytest.fixture
def specs(tmp_path):
    made = {}

    def spec(name, *needs):
        inputs = tuple(made[each].key for each in needs)
        identity = {"role": "baseline", "name": name}
        folder = tmp_path / name
        made[name] = RunSpec(Role.BASELINE, Recipe(), identity, folder, inputs, f"title of {name}")

    spec("teacher")
    spec("other")
    spec("distilled", "teacher")
    spec("timed", "distilled", "other")
    spec("last")
    return list(made.values())


def outcomes(specs, errors):
    """Executes specs; `errors` gives by name what is raised. Returns what was run, and outcomes."""
    started = []

    def train(spec, inputs):
        started.append(spec.folder.name)
        assert tuple(inputs) == spec.inputs
        assert all(run.key == key for key, run in inputs.items())
        if spec.folder.name in errors:
            raise errors[spec.folder.name]
        return Run(spec.role, 0, spec.key, spec.folder, {})

    return started, list(execute(specs, train))


def test_all_are_run_in_order(specs):
    started, found = outcomes(specs, {})
    assert started == ["teacher", "other", "distilled", "timed", "last"]
    assert [outcome.folder for outcome in found] == [spec.folder for spec in specs]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("The loss became nan."), "The loss became nan."),
        (MemoryError(), "memory ran out"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), "memory ran out"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"), "memory ran out"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "memory ran out"),
        (ZeroDivisionError("division by zero\nmore"), "ZeroDivisionError: division by zero; the"),
        (KeyError(), "KeyError: no message"),
        (ValueError("Graph execution error:\n\nat x\n\nwrong shape"), "ValueError: wrong shape; "),
    ],
)
def test_a_failure_costs_only_what_needs_it(specs, error, reason):
    started, found = outcomes(specs, {"teacher": error})
    assert started == ["teacher", "other", "last"]
    failures = [outcome for outcome in found if isinstance(outcome, Failure)]
    assert [each.spec.folder.name for each in failures] == ["teacher", "distilled", "timed"]
    assert reason in failures[0].reason
    assert "\n" not in failures[0].reason
    assert "it needs teacher, which failed" in failures[1].reason
    assert "it needs distilled, which failed" in failures[2].reason
    path = specs[0].folder / "failure.txt"
    foreseen = isinstance(error, UserError) or reason == "memory ran out"
    assert path.exists() != foreseen
    if path.exists():
        assert str(path) in failures[0].reason
        assert "Traceback" in path.read_text()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(28, "No space left on device"), StopExperiment("x")]
)
def test_what_ends_all(specs, error):
    with pytest.raises(type(error)):
        outcomes(specs, {"other": error})

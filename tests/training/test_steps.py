"""A killed run resumes to the bit; the number of steps in one call changes nothing."""

import numpy as np
import pytest

from distill.training import checkpoints
from distill.training import train as module
from distill.training.events import EpochEnded

FITNET = {"distillation.method": "fitnet", "distillation.options.weight": 0.1}


def weights(run, checkpoint="last"):
    return run.load_model(checkpoint).get_weights()


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def fitnet(trained, tiny, tmp_path_factory):
    """A run of the tiny recipe with a method that has weights."""
    return trained.train("distilled", tiny.with_values(FITNET), tmp_path_factory.mktemp("fitnet"))


def without_times(history):
    return {name: values for name, values in history.items() if name != "seconds"}


class Killed(Exception):
    pass


def kill_after(epoch):
    def listen(event):
        if isinstance(event, EpochEnded) and event.epoch == epoch:
            raise Killed

    return listen


@pytest.mark.parametrize(
    ("kind", "kills"), [("baseline", (1,)), ("distilled", (2,)), ("fitnet", (1,))]
)
def test_a_killed_run_resumes_and_ends_like_an_unharmed_one(
    kind, kills, trained, tiny, tmp_path, monkeypatch, request
):
    unharmed = request.getfixturevalue("fitnet") if kind == "fitnet" else getattr(trained, kind)
    steps = []

    class CountSteps(checkpoints.EpochSeconds):
        def on_train_end(self, logs=None):
            steps.append(int(self.model.optimizer.iterations.numpy()))

    monkeypatch.setattr(module, "EpochSeconds", CountSteps)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    recipe = tiny.with_values(FITNET) if kind == "fitnet" else tiny
    role = "baseline" if kind == "baseline" else "distilled"
    for epoch in kills:
        with pytest.raises(Killed):
            trained.train(role, recipe, tmp_path, on_event=kill_after(epoch))
    (checkpoint,) = tmp_path.rglob("checkpoint-*")
    assert checkpoint.name == f"checkpoint-00000{kills[-1]}.npz"
    (checkpoint.parent / "failure.txt").write_text("why the last try failed")
    epochs = []
    run = trained.train(
        role,
        recipe,
        tmp_path,
        on_event=lambda event: epochs.append(getattr(event, "epoch", None)),
    )
    assert [epoch for epoch in epochs if epoch] == [*range(kills[-1] + 1, 4)]
    assert steps == [3 * 21]  # for each kind of run: 21 of 64 images each, from 1,294
    assert without_times(run.history()) == without_times(unharmed.history())
    for checkpoint in ("last", "best"):
        assert same(weights(run, checkpoint), weights(unharmed, checkpoint))
        assert run.metrics[checkpoint]["test"] == unharmed.metrics[checkpoint]["test"]
        assert run.metrics[checkpoint]["epoch"] == unharmed.metrics[checkpoint]["epoch"]
    assert not [*tmp_path.rglob("checkpoint-*"), *tmp_path.rglob("failure.txt")]


def test_the_number_of_steps_in_one_call_changes_nothing(trained, tiny, tmp_path, monkeypatch):
    """An epoch of 21 steps: in one call, and in calls of 3 steps."""
    monkeypatch.setattr(module, "MOST_STEPS", 3)
    run = trained.train("baseline", tiny, tmp_path)
    assert same(weights(run), weights(trained.baseline))


@pytest.mark.parametrize(
    ("steps", "together"), [(1, 1), (21, 21), (64, 64), (96, 48), (422, 211), (469, 67), (1031, 1)]
)
def test_calls_end_with_the_epoch(steps, together):
    assert module._steps_per_execution(steps) == together


def test_a_method_with_weights_adds_none_to_the_student(trained, fitnet):
    assert fitnet.metrics["parameters"] == trained.distilled.metrics["parameters"]
    assert not same(weights(fitnet), weights(trained.distilled))
    settings = fitnet.settings()["identity"]["settings"]
    assert settings["distillation.options"] == {"weight": 0.1}

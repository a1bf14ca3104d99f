"""The best epoch is the first of the best, also after a kill; checkpoints are whole or refused."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.training import checkpoints
from distill.training import train as train_module
from distill.training.checkpoints import (
    BestEpoch,
    Checkpoint,
    EpochSeconds,
    remove_traces,
    resume,
)
from distill.training.events import EpochEnded


def make_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Dropout(0.5)])
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def state_of(model):
    return [np.array(each) for each in (*model.variables, *model.optimizer.variables)]


def fit(model, callbacks, folder, epochs, first=0):
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
    log = keras.callbacks.CSVLogger(str(folder / "history.csv"), append=first > 0)
    accuracy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(val_accuracy=[0.5, 0.8, 0.7, 0.8][epoch])
    )
    callbacks = [accuracy, *callbacks[:1], log, *callbacks[1:]]
    model.fit(x, y, epochs=epochs, initial_epoch=first, verbose=0, callbacks=callbacks)


def test_the_first_of_equal_epochs_is_held():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    best = BestEpoch(model)
    for epoch, accuracy in enumerate((0.5, 0.8, 0.7, 0.8)):
        model.set_weights([np.array([[float(epoch + 1)]])])
        best.on_epoch_end(epoch, {"val_accuracy": accuracy})
    assert (best.epoch, best.accuracy) == (2, 0.8)
    assert best.weights[0] == [[2.0]]


def test_seconds_of_an_epoch_are_logged():
    seconds, logs = EpochSeconds(), {}
    seconds.on_epoch_begin(0)
    seconds.on_epoch_end(0, logs)
    assert 0 <= logs["seconds"] < 10
    seconds.on_epoch_end(0)


def test_resume_restores_all_state_and_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    model = make_model()
    best = BestEpoch(model)
    fit(model, [best, Checkpoint(tmp_path, best)], tmp_path, epochs=3)
    with (tmp_path / "history.csv").open("a") as file:
        file.write("3,0.1,0.9\n")  # an epoch whose checkpoint was not written any more
    other = make_model()
    resumed = BestEpoch(other)
    assert resume(other, tmp_path, resumed) == 3
    for value, expected in zip(state_of(other), state_of(model), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert (resumed.epoch, resumed.accuracy) == (2, 0.8)
    for value, expected in zip(resumed.weights, best.weights, strict=True):
        np.testing.assert_array_equal(value, expected)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + 3
    remove_traces(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_without_a_checkpoint_training_begins_at_the_start(tmp_path):
    model = make_model()
    assert resume(model, tmp_path, BestEpoch(model)) == 0


def test_checkpoints_are_half_a_minute_apart_and_the_newest_is_kept(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("distill.training.checkpoints.time.monotonic", lambda: now[0])
    model = make_model()
    checkpoint = Checkpoint(tmp_path, BestEpoch(model))
    checkpoint.set_model(model)
    found = []
    for epoch, time in enumerate((20.0, 31.0, 50.0, 62.0)):
        now[0] = time
        checkpoint.on_epoch_end(epoch)
        found.append([path.name for path in tmp_path.iterdir()])
    first, last = ["checkpoint-000002.npz"], ["checkpoint-000004.npz"]
    assert found == [[], first, first, last]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 broken", "half"])
def test_a_damaged_checkpoint_is_refused_by_name(damage, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    model = make_model()
    best = BestEpoch(model)
    fit(model, [best, Checkpoint(tmp_path, best)], tmp_path, epochs=1)
    (path,) = tmp_path.glob("checkpoint-*")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "half" else damage)
    with pytest.raises(UserError, match=r"checkpoint-000001\.npz is missing or damaged"):
        resume(model, tmp_path, best)


class Forget(EpochSeconds):
    """Removes in the third epoch what was learned in two."""

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if epoch == 2:
            for weight in self.model.trainable_variables:
                weight.assign(np.zeros(weight.shape))
            self.model.optimizer.learning_rate.assign(0.0)


def kill_after_third_epoch(event):
    if isinstance(event, EpochEnded) and event.epoch == 3:
        raise KeyboardInterrupt


def test_the_best_epoch_before_a_kill_is_kept(trained, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(train_module, "EpochSeconds", Forget)
    recipe = tiny.with_values({"training.epochs": 4})
    unharmed = trained.train("baseline", recipe, tmp_path / "unharmed")
    with pytest.raises(KeyboardInterrupt):
        trained.train("baseline", recipe, tmp_path, on_event=kill_after_third_epoch)
    run = trained.train("baseline", recipe, tmp_path)
    assert run.metrics["best"]["epoch"] == unharmed.metrics["best"]["epoch"] == 2
    assert run.metrics["last"]["epoch"] == 4
    assert run.metrics["best"]["test"] == unharmed.metrics["best"]["test"]
    assert run.metrics["best"]["test"]["accuracy"] > run.metrics["last"]["test"]["accuracy"]
    assert run.file_of("best").name == "student-best.keras"
    assert b"distill" not in run.file_of("best").read_bytes()
    weights = [each.load_model("best").get_weights() for each in (run, unharmed)]
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
    run.file_of("best").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"student-best\.keras is missing or damaged"):
        trained.train("baseline", recipe, tmp_path)

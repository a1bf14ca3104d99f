"""What a run keeps: models of the last and the best epoch, predictions, metrics."""

import hashlib

import keras
import numpy as np
import pytest

from distill.evaluation import predict_logits
from distill.runs import open_run
from distill.training.checkpoints import BestEpoch
from distill.training.data import data_of
from distill.training.outcome import keep, measure_only


def test_last_and_best_epoch_are_both_kept(trained, tiny):
    """The best is the first of the highest validation accuracies."""
    data = data_of(tiny)
    for run in (trained.baseline, trained.distilled):
        accuracies = run.history()["val_accuracy"]
        best = 1 + accuracies.index(max(accuracies))
        assert (run.metrics["best"]["epoch"], run.metrics["last"]["epoch"]) == (best, 3)
        for checkpoint, number in (("best", best), ("last", 3)):
            logits = predict_logits(run.load_model(checkpoint), data.validation)
            accuracy = np.mean(logits.argmax(-1) == data.validation.labels)
            assert accuracy == pytest.approx(accuracies[number - 1])
            assert run.metrics[checkpoint]["validation"]["accuracy"] == pytest.approx(accuracy)
            np.testing.assert_allclose(run.predictions(checkpoint, "validation"), logits, atol=1e-4)
        np.testing.assert_array_equal(run.labels("test"), data.test.labels)


@pytest.fixture
def model():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )


def test_one_file_if_the_last_epoch_is_the_best(model, tiny, tmp_path):
    best = BestEpoch(model)
    best.on_epoch_end(0, {"val_accuracy": 0.5})
    kept = keep(model, best, 1, "student", data_of(tiny), tmp_path)
    assert kept["last"] == kept["best"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.npz", "student.keras"]
    content = (tmp_path / "student.keras").read_bytes()
    assert kept["last"]["model_sha256"] == hashlib.sha256(content).hexdigest()


def test_a_model_that_is_only_measured_stays_where_it_is(model, trained, tiny, tmp_path):
    path, folder = tmp_path / "own.keras", tmp_path / "run"
    model.save(path)
    before = path.read_bytes()
    folder.mkdir()
    measured = measure_only(model, path, data_of(tiny), folder)
    assert path.read_bytes() == before
    assert [each.name for each in folder.iterdir()] == ["predictions.npz"]
    assert measured["last"]["model_file"] == str(path)
    assert measured["last"] == measured["best"]
    assert (measured["seconds"], measured["last"]["epoch"]) == (0.0, None)
    assert open_run(folder) is None
    inside = measure_only(model, folder / "teacher.keras", data_of(tiny), folder)
    assert inside["last"]["model_file"] == "teacher.keras"
    assert inside["last"]["test"] == measured["last"]["test"]

"""What the model of each role is trained on: labels, soft targets, noise, folds."""

import numpy as np
import pytest
from scipy import special

from distill.evaluation import predict_logits
from distill.training import train as module
from distill.training.data import data_of

ROLES = ("teacher", "baseline", "distilled")


class Seen(Exception):
    pass


@pytest.fixture
def see(trained, tmp_path, monkeypatch):
    """Returns what a run trains on: the split, and the pipeline's keyword arguments."""

    def stop(split, *arguments, **more):
        raise Seen(split, more)

    def train_until_the_pipeline(role, recipe):
        with pytest.raises(Seen) as seen:
            trained.train(role, recipe, tmp_path)
        return seen.value.args

    monkeypatch.setattr(module, "training_pipeline", stop)
    return train_until_the_pipeline


def test_labels(tiny, see):
    """The teacher all, the baseline a fifth, the distilled student that fifth."""
    teacher, baseline, distilled = (see(role, tiny)[0].labels for role in ROLES)
    assert len(teacher) == len(distilled) == 1294
    assert np.all(teacher >= 0)
    assert np.all(baseline >= 0)
    assert len(baseline) == np.sum(distilled >= 0) == pytest.approx(0.2 * 1294, abs=5)
    np.testing.assert_array_equal(distilled[distilled >= 0], baseline)
    np.testing.assert_array_equal(distilled[distilled >= 0], teacher[distilled >= 0])


def test_shuffled_soft_targets(trained, tiny, see):
    """Each image gets the soft targets of another image of its class."""
    labels = data_of(tiny).train.labels
    split, more = see("distilled", tiny)
    own = more["teacher_logits"]
    expected = predict_logits(trained.teacher.load_model(), split)
    np.testing.assert_allclose(own, expected, atol=1e-4)
    _, more = see("distilled", tiny.with_values({"distillation.soft_targets": "shuffled"}))
    shuffled = more["teacher_logits"]
    for label in range(10):
        mine, theirs = own[labels == label], shuffled[labels == label]
        assert sorted(map(tuple, mine)) == sorted(map(tuple, theirs))
    assert not np.any(np.all(own == shuffled, axis=1))


def test_the_settings_of_the_transfer_set(tiny, see):
    data = data_of(tiny)
    values = {"data.student_exclude": ("3", "5"), "data.noise": 0.5, "training.translation": 1}
    recipe = tiny.with_values(values)
    split, more = see("teacher", recipe)
    assert len(split) == len(data.train)
    assert more["translation"] == 1
    split, _ = see("baseline", recipe)
    assert set(split.labels) == {0, 1, 2, 4, 6, 7, 8, 9}
    originals = {image.tobytes() for image in data.train.images}
    assert {image.tobytes() for image in split.images} <= originals
    split, more = see("distilled", recipe)
    kept = ~np.isin(data.train.labels, (3, 5))
    added = split.images.astype(float) - 0.5 * data.train.images[kept]
    assert added.min() >= -0.5
    assert added.max() <= 128
    assert added.mean() == pytest.approx(0.5 * 127.5, abs=1)
    assert set(split.labels) == {-1, 0, 1, 2, 4, 6, 7, 8, 9}
    assert more["teacher_logits"] is None  # the teacher sees each image as it was moved
    split, _ = see("distilled", recipe.with_values({"data.noise": 1.0}))
    assert set(split.labels) == {-1}


def test_the_fold_of_its_seed(trained, tiny, tmp_path):
    values = {"experiment.folds": 4, "training.epochs": 1}
    recipe = tiny.with_values(values).with_seed(1)
    run = trained.train("baseline", recipe, tmp_path)
    np.testing.assert_array_equal(run.labels("test"), data_of(recipe).test.labels)


def test_validation_compares_with_the_teachers_stored_logits(trained, tiny):
    temperature = tiny.distillation.temperature
    soft = [
        run.predictions("last", "validation") / temperature
        for run in (trained.teacher, trained.distilled)
    ]
    log_p, log_q = (special.log_softmax(logits, axis=1) for logits in soft)
    divergence = temperature**2 * np.sum(np.exp(log_p) * (log_p - log_q), axis=1)
    found = trained.distilled.history()["val_soft_loss"][-1]
    np.testing.assert_allclose(found, divergence.mean(), rtol=1e-4)

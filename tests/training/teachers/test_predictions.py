"""A teacher that is a file of predictions: no model, but targets, tables and checks."""

import csv

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from distill.commands import main
from distill.data import load_digits
from distill.errors import UserError
from distill.experiments.variants import MAIN_VARIANTS


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Probabilities of a made-up teacher: the label gets 2 more than noise."""
    data, random = load_digits(), np.random.default_rng(0)
    path = tmp_path_factory.mktemp("predictions") / "teacher.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", *data.class_names])
        for split in (data.test, data.train, data.validation):
            for name, label in zip(split.ids, split.labels, strict=True):
                row = softmax(random.normal(size=10) + 4 * (np.arange(10) == label))
                writer.writerow([name, *row.tolist()])
    return path


@pytest.fixture
def recipe(file, changed):
    return changed({"teacher.predictions": str(file), "experiment.seeds": 1})


def test_an_experiment_without_a_teacher_model(recipe, file, run_small, tmp_path, capsys):
    outcome, printed = run_small(recipe, tmp_path, (), tuple(MAIN_VARIANTS))
    (teacher,) = outcome.results.runs("teacher")
    data = load_digits()
    with open(file, newline="") as stream:
        rows = {
            row.pop("id"): [float(each) for each in row.values()] for row in csv.DictReader(stream)
        }
    wanted = np.array([rows[name] for name in data.test.ids])
    found = teacher.predictions("last", "test")
    np.testing.assert_allclose(log_softmax(found, axis=1), np.log(wanted), rtol=1e-5)
    accuracy = np.mean(wanted.argmax(axis=1) == data.test.labels)
    assert teacher.metrics["last"]["test"]["accuracy"] == pytest.approx(accuracy)
    assert teacher.load_model() is None
    assert (
        "If it was trained on some of these test images, its test accuracy is too high. Its file "
        "holds probabilities, and their logarithms are its logits."
    ) in printed
    (row,) = [line for line in printed.splitlines() if line.startswith(" teacher ")]
    assert row.split()[1] == "–"
    # The soft loss on validation data is the divergence from the file's probabilities.
    (student,) = outcome.results.runs("distilled")
    rows = np.array([rows[name] for name in data.validation.ids])
    temperature = recipe.distillation.temperature
    log_p = log_softmax(np.log(rows) / temperature, axis=1)
    log_q = log_softmax(student.predictions("last", "validation") / temperature, axis=1)
    divergence = temperature**2 * np.sum(np.exp(log_p) * (log_p - log_q), axis=1).mean()
    assert student.history()["val_soft_loss"][-1] == pytest.approx(divergence, rel=1e-3)
    capsys.readouterr()
    assert main(["list", "--runs", str(tmp_path)]) == 0
    assert main(["compare", str(teacher.folder), str(student.folder)]) == 0
    assert main(["report", str(teacher.folder)]) == 0
    assert main(["export", str(teacher.folder), "--format", "saved-model"]) == 2
    assert "holds a teacher's predictions and no model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training.translation": 2}, "training.translation is 2, and must be none or 0 with"),
        ({"training.augmentation": ("flip",)}, "training.augmentation is flip, and must be none"),
        ({"data.noise": 0.5}, "data.noise is 0.5, and must be none or 0"),
        ({"data.transfer_images": ("own", "digits")}, "is own.digits, and must be own with"),
        ({"distillation.method": "fitnet"}, "matches features of the teacher, and there is no"),
        ({"teacher.predictions": "none.csv"}, "There is no file of predictions none.csv"),
        ({"data.exclude": ("3",)}, "has the unknown class '3'"),
    ],
)
def test_what_does_not_fit(values, message, recipe, plan):
    with pytest.raises(UserError, match=message):
        plan(recipe.with_values(values), tuple(MAIN_VARIANTS))


def test_one_teacher_at_a_time(recipe):
    with pytest.raises(UserError, match=r"teacher\.file and teacher\.predictions are both given"):
        recipe.with_values({"teacher.file": "x.keras"})
    with pytest.raises(UserError, match=r"ensemble is 2, and must be 1 with teacher\.predictions"):
        recipe.with_values({"teacher.ensemble": 2})

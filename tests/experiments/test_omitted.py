"""The table of classes that no student saw, on logits whose errors can be counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from distill.experiments.grid import Axis
from distill.experiments.omitted import bias_table
from distill.experiments.results import Cell, Results
from distill.recipes import Recipe
from distill.run_folder import Run, write_arrays


def logits(*margins):
    """Digit 0 has the highest logit; that of digit 3 is lower by the margin."""
    made = np.full((len(margins), 10), -9.0, "float32")
    made[:, 0], made[:, 3] = 0, -np.asarray(margins)
    return made


@pytest.fixture
def run(tmp_path):
    # On validation data the best bias is 2 to 5; on test data, 4 to 4.5. The 1 is never right.
    write_arrays(
        tmp_path / "predictions.npz",
        last_validation=logits(2, 5), validation_labels=np.array([3, 0]),
        last_test=logits(3, 4, 4.5, 6, 8), test_labels=np.array([3, 3, 0, 0, 1]),
    )  # fmt: skip
    return Run("distilled", 0, "key", tmp_path, {"last": {"epoch": 1}, "best": {"epoch": 1}})


def results(run, *omitted):
    axis = Axis("omitted_classes", omitted)
    cells = [
        Cell({axis.field: classes}, Recipe(omitted_classes=classes),
             {"student": [None], "distilled": [run]})
        for classes in omitted
    ]  # fmt: skip
    return Results(Recipe(), (axis,), ("student", "distilled"), cells, ["x"], Path("results"), [])


def test_errors_before_and_after_the_correction(run):
    (row,) = bias_table(results(run, (), ("3",))).rows
    assert row == ["omitted classes 3", "student distilled", "3", "2", "2", "1", "1"]


def test_without_omitted_classes_there_is_no_table(run):
    assert bias_table(results(run, ())) is None

"""What is said of an experiment's classes, on logits whose errors can be counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from distill.errors import UserError
from distill.experiments.findings import Findings
from distill.experiments.results import Cell, Results
from distill.recipes import Recipe
from distill.run_folder import Run, write_arrays

LABELS = np.array([3, 3, 3, 3, 0, 1])


@pytest.fixture
def found(tmp_path):
    # By how much the logit of digit 3 is below that of digit 0, and above all others.
    margins = {"last_test": [-1, 1, 2, 9, 5, 5], "last_validation": [3, 8]}
    arrays = {}
    for name, values in margins.items():
        arrays[name] = np.full((len(values), 10), -20.0, "float32")
        arrays[name][:, 0], arrays[name][:, 3] = 0, -np.asarray(values)
    labels = {"test_labels": LABELS, "validation_labels": np.array([3, 0])}
    write_arrays(tmp_path / "predictions.npz", **arrays, **labels)
    run = Run("distilled", 0, "key", tmp_path, {"last": {"epoch": 1}, "best": {"epoch": 1}})
    recipe = Recipe(omitted_classes=("3",))
    cell = Cell({}, recipe, {"distilled": [run]})
    return Findings(Results(recipe, (), ("distilled",), [cell], None, Path("results"), []))


def test_accuracy_on_a_class(found):
    assert found.test_images() == len(LABELS)
    assert found.accuracy_on("distilled", ["3"]) == "25.00 %"
    assert found.accuracy_on("distilled", ["0", "3"]) == "40.00 %"
    assert found.accuracy_on("distilled", ["1"]) == "0.00 %"


def test_corrected_by_validation_data(found):
    # A bias of 3 to 8 is best there, 5.5 is taken: three 3s are right then, and the 0 is not.
    assert found.accuracy_on("distilled", ["3"], corrected=True) == "75.00 %"
    assert found.accuracy_on("distilled", ["0"], corrected=True) == "0.00 %"


def test_an_arm_that_is_not_there(found):
    with pytest.raises(UserError, match="run_experiment` trains no 'student'"):
        found.accuracy("student")

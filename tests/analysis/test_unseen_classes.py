"""The table of classes that no student saw, on logits whose errors can be counted by hand."""

import dataclasses
from pathlib import Path

import pytest

from distill.analysis.results import GridPoint, Results
from distill.analysis.tables import unseen_classes_table
from distill.analysis.unseen_classes import unseen_classes
from distill.experiments.grid import Axis
from distill.recipes import Recipe
from distill.recipes.recipe import Data


def results(runs_of):
    axis = Axis("data.student_exclude", tuple(runs_of))
    points = [
        GridPoint(
            {axis.field: classes},
            Recipe(data=Data(student_exclude=classes)),
            {"baseline": [None], "distilled": [run]},
        )
        for classes, run in runs_of.items()
    ]
    return Results(Recipe(), (axis,), ("baseline", "distilled"), points, ["x"], Path("results"))


@pytest.fixture
def run(fake_student):
    # On validation data the best bias is 2 to 5; on test data, 4 to 4.5. Class 1 is always wrong.
    return fake_student(([2, 5], [3, 0]), ([3, 4, 4.5, 6, 8], [3, 3, 0, 0, 1]))


def test_errors_before_and_after_the_correction(run):
    assert unseen_classes(run) == [3]
    (row,) = unseen_classes_table(results({(): None, ("3",): run})).rows
    assert row == ["student exclude 3", "distilled student", "3", "2", "2", "1", "1"]


def test_without_unseen_classes_there_is_no_table(fake_student):
    run = fake_student(([2], [3]), ([3], [3]), unseen=())
    assert unseen_classes_table(results({(): run})) is None


def test_the_data_are_not_needed(run):
    """The data set is gone; the runs hold labels and predictions."""
    found = results({("3",): run})
    gone = found.points[0].recipe.with_values({"data.name": "./gone"})
    point = dataclasses.replace(found.points[0], recipe=gone)
    assert unseen_classes_table(dataclasses.replace(found, points=[point]))

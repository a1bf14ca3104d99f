"""The smallest good student: the one-standard-error rule on validation data, within limits."""

import math

import numpy as np
import pytest

from distill.analysis import students
from distill.analysis.costs import Cost
from distill.analysis.sentences import deployment
from distill.analysis.students import (
    candidates,
    have_sizes,
    recommendation,
    recommended,
    students_table,
)
from distill.evaluation.cost import Speed
from distill.experiments.grid import make_axis

WIDTHS = (0.125, 0.25, 0.5, 1.0)
PARAMETERS = (100, 400, 1600, 6400)
AXIS = make_axis("student.options.width", WIDTHS)


@pytest.fixture
def ladder(fake_results, monkeypatch):
    """Results of four students; the latency in ms is a thousandth of the parameters."""

    def measured(results, run, data):
        time = run.metrics["parameters"] / 1000
        speed = Speed(1, time, time * 0.9, time * 1.1, 1000 / time)
        return Cost(run.metrics["parameters"] * 2, run.metrics["parameters"] * 4, (speed,))

    monkeypatch.setattr(students, "cost", measured)
    monkeypatch.setattr(students, "data_of_run", lambda recipe, run: "data")

    def make(*validation, **recipe):
        points = []
        for width, parameters, accuracies in zip(WIDTHS, PARAMETERS, validation, strict=False):
            seeds = tuple(accuracies)
            points.append(
                (
                    {AXIS.field: width},
                    {
                        "teacher": ((0.95,) * len(seeds), None, 64000),
                        "distilled": (seeds, None, parameters),
                    },
                )
            )
        return fake_results(*points, axes=(AXIS,), variants=("teacher", "distilled"), **recipe)

    return make


def test_the_smallest_within_one_standard_error_is_recommended(ladder):
    best = (0.88, 0.90, 0.92)  # mean 0.9, standard error 0.02 / √3 = 0.01155
    for second, wanted in ((0.889, 400), (0.888, 1600)):
        results = ladder((0.5, 0.5, 0.5), (second,) * 3, best, (0.85, 0.85, 0.85))
        assert recommended(results, candidates(results)).parameters == wanted
    error = math.sqrt(np.var([0.88, 0.90, 0.92], ddof=1) / 3)
    assert 0.9 - 0.889 < error < 0.9 - 0.888


def test_with_one_seed_the_error_is_that_of_the_validation_images(ladder):
    # 1000 images: √(0.9 · 0.1 / 1000) = 0.0095
    for second, wanted in ((0.891, 400), (0.890, 1600)):
        results = ladder((0.5,), (second,), (0.9,))
        assert recommended(results, candidates(results)).parameters == wanted


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({"experiment.max_params": 1599}, 400),
        ({"experiment.max_params": 1600}, 1600),
        ({"experiment.max_latency_ms": 0.4}, 400),
        ({"experiment.max_latency_ms": 0.39, "experiment.max_params": 1600}, 100),
        ({"experiment.max_params": 99}, None),
    ],
)
def test_limits(ladder, limits, wanted):
    results = ladder((0.5,), (0.7,), (0.9,), (0.95,), **limits)
    found = recommended(results, candidates(results))
    assert (found and found.parameters) == wanted
    if wanted is None:
        sentence = "There is no student with at most 99 parameters."
        assert recommendation(results) == sentence
        assert deployment(results).run is None
        assert deployment(results).sentence == (
            "No model to deploy: no student with at most 99 parameters."
        )


def test_the_sentence_compares_with_the_teacher(ladder):
    assert recommendation(ladder((0.5,), (0.938,), (0.94,))) == (
        "Recommended on validation data: student width 0.25; against its teacher -1.2 points, "
        "160 times smaller, 160 times faster."
    )


def test_the_table_has_every_student_and_marks_the_efficient_ones(ladder):
    table = students_table(ladder((0.8,), (0.7,), (0.9,), (0.9,)))
    columns = dict(zip(table.headings, zip(*table.rows, strict=True), strict=True))
    assert columns["student width"] == ("0.125", "0.25", "0.5", "1")
    assert columns["params"] == ("100", "400", "1,600", "6,400")
    assert columns["ms"][2] == "1.60 (1.44–1.76)"
    assert columns["MACs, M"][3] == "0.0128"
    assert columns["kB"][3] == "25.6"
    assert "(Pareto): student width 0.125; student width 0.5." in table.notes
    assert table.bold == [2]


def test_students_of_one_size_are_no_ladder(fake_results):
    axis = make_axis("temperature", (1.0, 4.0))
    points = [({axis.field: value}, {"distilled": ((0.9,),)}) for value in axis.values]
    results = fake_results(*points, axes=(axis,), variants=("distilled",))
    assert not have_sizes(results)
    assert students_table(results) is None
    assert deployment(results) is None
    assert not have_sizes(fake_results(({}, {"distilled": ((0.9,),)}), variants=("distilled",)))

"""The tables of made-up results: interval and p-value agree everywhere, and few seeds have none."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distill.analysis.results import GridPoint, Results, unseen_classes
from distill.analysis.tables import (
    ablation_table,
    comparison_table,
    main_table,
    summary_table,
    unseen_classes_table,
)
from distill.experiments.grid import Axis
from distill.recipes import Recipe
from distill.recipes.recipe import Data

BASELINE = (0.90, 0.91, 0.92, 0.90, 0.91)
BETTER = (0.95, 0.955, 0.95, 0.945, 0.96)
ALIKE = (0.91, 0.90, 0.925, 0.895, 0.91)
AXIS = [Axis("distillation.temperature", (1.0, 2.0, 4.0))]
CORRECTED = "95 % intervals and p-values, both corrected for 3 comparisons (Bonferroni)."


@pytest.fixture
def make(fake_results):
    def make(seeds=5):
        points = [
            (
                {"distillation.temperature": temperature},
                {"baseline": (BASELINE[:seeds],), "distilled": (values[:seeds], validation)},
            )
            for temperature, values, validation in (
                (1.0, ALIKE, 0.97),
                (2.0, BETTER, 0.95),
                (4.0, BETTER, 0.96),
            )
        ]
        return fake_results(*points, axes=AXIS)

    return make


def shown(values, comparisons=3):
    """Difference from the baseline, interval and p-value, from SciPy."""
    found = stats.ttest_rel(values, BASELINE)
    interval = found.confidence_interval(1 - 0.05 / comparisons)
    mean = np.mean(np.subtract(values, BASELINE))
    numbers = [f"{number * 100:+.1f}" for number in (mean, interval.low, interval.high)]
    p_value = min(1, comparisons * found.pvalue)
    p_value = "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})", p_value


def test_a_grid_names_its_best_row_and_its_correction(make):
    table = main_table(make())
    assert table.bold == [0]
    assert table.headings == [
        "temperature",
        "baseline, %",
        "distilled student, %",
        "seeds",
        "gain, points",
        "p",
    ]
    assert [row[0] for row in table.rows] == ["1", "2", "4"]
    assert [tuple(row[-2:]) for row in table.rows] == [*map(shown, (ALIKE, BETTER, BETTER))]
    assert table.notes == (
        "Bold: best validation accuracy of the distilled student. Gain: distilled student − "
        f"baseline, paired over seeds. {CORRECTED}"
    )


def test_effect_sizes(make):
    table = comparison_table(make())
    differences = np.subtract(BETTER, BASELINE)
    interval, p_value = shown(BETTER)
    assert table.rows[1] == [
        "temperature 2",
        interval,
        f"{differences.std(ddof=1) * 100:.2f}",
        f"{differences.mean() / differences.std(ddof=1):.1f}",
        p_value,
        "5",
    ]
    assert table.notes.endswith(CORRECTED)


def test_the_csv_holds_the_same_interval_and_p_value(make):
    rows = list(csv.DictReader(io.StringIO(summary_table(make()).csv())))
    (row,) = [
        row for row in rows if row["temperature"] == "2" and row["model"] == "distilled student"
    ]
    found = stats.ttest_rel(BETTER, BASELINE)
    interval = found.confidence_interval(1 - 0.05 / 3)
    assert float(row["difference low"]) == pytest.approx(interval.low)
    assert float(row["difference high"]) == pytest.approx(interval.high)
    assert float(row["p"]) == pytest.approx(3 * found.pvalue)
    assert row["comparisons"] == "3"


@pytest.mark.parametrize(
    ("seeds", "differences", "note"),
    [
        (1, ["+1.0", "+5.0", "+5.0"], "1 seed: too few for an interval."),
        (2, ["+0.0", "+4.7", "+4.7"], "2 seeds: too few for an interval."),
    ],
)
def test_with_few_seeds_there_is_no_interval_and_no_p_value(make, seeds, differences, note):
    results = make(seeds)
    for table in (main_table(results), comparison_table(results)):
        found, p_values = (
            [row[list(table.headings).index(name)] for row in table.rows]
            for name in ("gain, points", "p")
        )
        assert found == differences
        assert p_values == ["–"] * 3
        assert table.notes.endswith(note)
        assert "interval" not in table.notes.replace(note, "")
    for row in csv.DictReader(io.StringIO(summary_table(results).csv())):
        assert row["low"] == row["high"] == row["difference low"] == row["p"] == ""
        assert not {"inf", "-inf", "nan"} & set(row.values())


def test_a_single_comparison_is_not_corrected(fake_results):
    one = fake_results(({}, {"baseline": (BASELINE,), "distilled": (BETTER,)}))
    table = comparison_table(one)
    assert (table.rows[0][1], table.rows[0][4]) == shown(BETTER, comparisons=1)
    assert table.notes.endswith("In brackets: 95 % interval.")


def test_ablations(fake_results):
    variants = ("baseline", "distilled", "shuffled-teacher", "hard-labels")
    values = (BASELINE, BETTER, BETTER, BASELINE)
    points = {}, {variant: (each,) for variant, each in zip(variants, values, strict=True)}
    table = ablation_table(fake_results(points, variants=variants))
    assert [row[0] for row in table.rows] == ["shuffled teacher", "teacher's predictions as labels"]
    assert tuple(table.rows[1][2:4]) == shown(BETTER, comparisons=2)
    assert "both corrected for 2 comparisons (Bonferroni)" in table.notes


def test_nothing_complete(fake_results):
    empty = fake_results(({}, {"baseline": ((None,),), "distilled": ((None,),)}))
    assert main_table(empty).rows == [
        ["baseline", "–", "–", "–", "0"],
        ["distilled student", "–", "–", "–", "0"],
    ]
    assert comparison_table(empty) is None
    assert ablation_table(empty) is None


def test_the_best_row_of_a_single_variant(fake_results):
    points = [
        ({"training.learning_rate": 0.1}, {"teacher": ((0.98, 0.97), 0.9)}),
        ({"training.learning_rate": 0.2}, {"teacher": ((0.96, 0.95), 0.95)}),
    ]
    axes = [Axis("training.learning_rate", (0.1, 0.2))]
    table = main_table(fake_results(*points, axes=axes, variants=("teacher",)))
    assert table.bold == [1]
    assert table.notes == "Bold: best validation accuracy of the teacher."


@pytest.mark.parametrize(
    ("accuracies", "folds", "caption"),
    [
        ((0.9, 0.91), None, "test set of 12,000 images, last epoch, mean ± std over seeds"),
        ((0.9,), None, "test set of 12,000 images, last epoch, one seed"),
        (
            (0.9, 0.91),
            3,
            "3-fold cross-validation, test sets of 12,000 images, last epoch, mean ± std over "
            "seeds",
        ),
    ],
)
def test_the_caption_counts_images_and_speaks_of_folds_and_of_seeds_if_there_are_several(
    accuracies, folds, caption, fake_results
):
    values = {"teacher": (accuracies, None, 10, 12_000)}
    more = {"experiment.folds": folds, "experiment.seeds": 3}
    table = main_table(fake_results(({}, values), variants=("teacher",), **more))
    assert table.caption == f"made up on digits: {caption}"


def test_an_axis_of_one_value_gets_no_column(fake_results):
    """An option of what another axis varies, which stays an axis."""
    axes = [
        Axis("distillation.assistant", (None, "mlp")),
        Axis("distillation.assistant_options.hidden", (6,)),
    ]
    points = [
        (
            {"distillation.assistant": kind, "distillation.assistant_options.hidden": 6},
            {"baseline": (BASELINE,), "distilled": (BETTER,)},
        )
        for kind in (None, "mlp")
    ]
    results = fake_results(*points, axes=axes)
    table = main_table(results)
    assert table.headings[:2] == ["assistant", "baseline, %"]
    assert [row[0] for row in table.rows] == ["none", "mlp"]
    assert table.notes.endswith("At every grid point: assistant hidden 6.")
    assert comparison_table(results).rows[1][0] == "assistant mlp"
    assert "assistant hidden" in summary_table(results).headings


def results_of(runs_of):
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
    (row,) = unseen_classes_table(results_of({(): None, ("3",): run})).rows
    assert row == ["student exclude 3", "distilled student", "3", "2", "2", "1", "1"]


def test_without_unseen_classes_there_is_no_table(fake_student):
    run = fake_student(([2], [3]), ([3], [3]), unseen=())
    assert unseen_classes_table(results_of({(): run})) is None


def test_the_data_are_not_needed(run):
    """The data set is gone; the runs hold labels and predictions."""
    found = results_of({("3",): run})
    gone = found.points[0].recipe.with_values({"data.name": "./gone"})
    point = dataclasses.replace(found.points[0], recipe=gone)
    assert unseen_classes_table(dataclasses.replace(found, points=[point]))

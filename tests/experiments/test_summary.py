"""What runs say together, on runs whose accuracies are made up."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distill.experiments.grid import Axis
from distill.experiments.results import Cell, Results
from distill.experiments.summary import (
    against_controls,
    against_labels,
    against_shown,
    chosen_cell,
    sentences,
)
from distill.experiments.tables import comparison_table, controls_table, main_table
from distill.recipes import Recipe
from distill.run_folder import Run

EXAMPLES = 1000


def runs(role, accuracies, validation=None):
    made = []
    for seed, accuracy in enumerate(accuracies):
        if accuracy is None:
            made.append(None)
            continue
        values = {"test": accuracy, "validation": accuracy if validation is None else validation}
        splits = {
            split: {"accuracy": value, "errors": round((1 - value) * EXAMPLES),
                    "examples": EXAMPLES, "nll": 0.1, "ece": 0.1}
            for split, value in values.items()
        }  # fmt: skip
        metrics = {"parameters": 10, "last": {"epoch": 1, **splits},
                   "best": {"epoch": 1, **splits}}  # fmt: skip
        made.append(Run(role, seed, f"{role}{seed}", Path(f"{role}-{seed}"), metrics))
    return made


def results(*cells, axes=(), arms=("student", "distilled"), **recipe):
    made = [
        Cell(setting, Recipe(), {arm: runs(arm, *values) for arm, values in each.items()})
        for setting, each in cells
    ]
    return Results(Recipe(name="made up", seeds=5, **recipe), tuple(axes), tuple(arms), made, ["x"],
                   Path("results"), [])  # fmt: skip


STUDENT = (0.90, 0.91, 0.92, 0.90, 0.91)
BETTER = (0.95, 0.955, 0.95, 0.945, 0.96)
ALIKE = (0.91, 0.90, 0.925, 0.895, 0.91)
AXIS = [Axis("temperature", (1.0, 2.0, 4.0))]


def three_settings():
    return results(
        ({"temperature": 1.0}, {"student": (STUDENT,), "distilled": (ALIKE, 0.97)}),
        ({"temperature": 2.0}, {"student": (STUDENT,), "distilled": (BETTER, 0.95)}),
        ({"temperature": 4.0}, {"student": (STUDENT,), "distilled": (BETTER, 0.96)}),
        axes=AXIS,
    )


def test_p_values_are_corrected_for_all_settings():
    compared = against_labels(three_settings())
    raw = [stats.ttest_rel(values, STUDENT).pvalue for values in (ALIKE, BETTER, BETTER)]
    assert [each.difference.p_value for each in compared] == pytest.approx(raw)
    holm = [raw[0], raw[1] * 3, raw[1] * 3]  # the second of equals: at least the first's
    assert [each.p_value for each in compared] == pytest.approx(holm)
    assert {each.comparisons for each in compared} == {3}


def test_the_setting_is_chosen_on_validation_data_not_on_the_test_set():
    found = three_settings()
    assert chosen_cell(found).setting == {"temperature": 1.0}
    said = sentences(found)
    assert said[0].startswith(
        "With temperature 1, the best setting on validation data, whether distillation helped "
        "cannot be told from these 5 seeds"
    )
    assert said[1] == (
        "Of 3 settings, distillation helped at 2, made it worse at 0, and cannot be told from "
        "chance at 1."
    )
    table = main_table(found)
    assert table.strong == (0,)
    assert table.headings[0] == "temperature"
    assert [row[0] for row in table.rows] == ["1", "2", "4"]


def test_the_comparison_shows_effect_size_and_both_p_values():
    row = comparison_table(three_settings()).rows[1]
    differences = np.subtract(BETTER, STUDENT)
    assert row[0] == "temperature 2"
    assert row[2:] == [
        f"{differences.std(ddof=1) * 100:.2f}",
        f"{differences.mean() / differences.std(ddof=1):.1f}",
        "< 0.001",
        "< 0.001",
        "5",
    ]
    raw = stats.ttest_rel(ALIKE, STUDENT).pvalue
    assert comparison_table(three_settings()).rows[0][4:6] == [f"{raw:.2g}"] * 2
    one = results(({}, {"student": ((0.9,),), "distilled": ((0.95,),)}))
    assert comparison_table(one).rows == [["made up on digits", "+5.0", "–", "–", "–", "–", "1"]]


def test_a_negative_result_is_said_like_a_positive_one():
    worse = results(({}, {"student": (BETTER,), "distilled": (STUDENT,)}))
    assert sentences(worse)[0].startswith("Distillation did not help: test accuracy fell from 95.2")


def test_only_seeds_that_both_have_are_compared():
    part = results(({}, {"student": ((0.9, None, 0.92, 0.91),),
                         "distilled": ((0.95, 0.96, None, 0.94),)}))  # fmt: skip
    (compared,) = against_labels(part)
    assert compared.difference.seeds == 2
    assert compared.difference.mean == pytest.approx(np.mean([0.05, 0.03]))
    assert (compared.other, compared.distilled) == pytest.approx((0.905, 0.945))
    assert sentences(part)[-1] == "2 runs are missing; what is said is of the others."


def test_nothing_complete():
    empty = results(({}, {"student": ((None,),), "distilled": ((None,),)}))
    assert sentences(empty)[0] == "No run is complete yet."
    main_table(empty)
    assert controls_table(empty) is None


def test_controls_are_a_family_of_their_own():
    arms = ("student", "distilled", "shuffled-teacher", "hard-label")
    found = results(
        ({}, {"student": (STUDENT,), "distilled": (BETTER,), "shuffled-teacher": (BETTER,),
              "hard-label": (STUDENT,)}), arms=arms,
    )  # fmt: skip
    assert [each.comparisons for each in against_labels(found)] == [1]
    assert [each.comparisons for each in against_controls(found)] == [2, 2]
    said = sentences(found)
    assert said[1].startswith("Against shuffled teacher: no difference that could be told")
    assert said[2].startswith(
        "Against teacher's predictions as labels: the distilled student is 4.4 points better"
    )
    assert len(against_shown(found)) == 2
    assert [row[0] for row in controls_table(found).rows] == [
        "shuffled teacher", "teacher's predictions as labels",
    ]  # fmt: skip


def test_one_role_alone():
    alone = results(({}, {"teacher": ((0.98, 0.97),)}), arms=("teacher",))
    assert sentences(alone) == ["Teacher: test accuracy 97.5 ± 0.7 % (2 seeds)."]
    assert against_labels(alone) == against_controls(alone) == []


def test_a_grid_of_one_role_names_its_best_setting():
    rates = Axis("learning_rate", (0.1, 0.2))
    cells = [({"learning_rate": 0.1}, {"teacher": ((0.98, 0.97), 0.9)}),
             ({"learning_rate": 0.2}, {"teacher": ((0.96, 0.95), 0.95)})]  # fmt: skip
    alone = results(*cells, axes=[rates], arms=("teacher",))
    (said,) = sentences(alone)
    assert said.startswith("With learning rate 0.2, the best setting on validation data, teacher: ")
    assert "test accuracy 95.5" in said
    assert "of the teacher stands out" in main_table(alone).notes


def test_equal_students_in_small_studies_are_seldom_told_apart():
    """The whole way from runs to sentence: no effect, 5 settings of 5 seeds, 359 examples."""
    random, claims = np.random.default_rng(3), 0
    axis = [Axis("temperature", (1.0, 2.0, 4.0, 8.0, 16.0))]
    for _ in range(200):
        student = random.binomial(359, 0.93, 5) / 359
        cells = [
            ({"temperature": value},
             {"student": (student,), "distilled": (random.binomial(359, 0.93, 5) / 359,)})
            for value in axis[0].values
        ]  # fmt: skip
        said = sentences(results(*cells, axes=axis))
        claims += "cannot be told" not in said[0] and "no difference" not in said[0]
    assert claims / 200 <= 0.10

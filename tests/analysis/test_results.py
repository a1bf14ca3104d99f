"""What results answer: of made-up runs, compared with SciPy, and of classes counted by hand."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distill.analysis.results import GridPoint, Results
from distill.errors import UserError
from distill.experiments.grid import Axis
from distill.recipes import Recipe
from distill.recipes.recipe import Data

BASELINE = (0.90, 0.91, 0.92, 0.90, 0.91)
BETTER = (0.95, 0.955, 0.95, 0.945, 0.96)
ALIKE = (0.91, 0.90, 0.925, 0.895, 0.91)
AXIS = [Axis("distillation.temperature", (1.0, 2.0, 4.0))]


@pytest.fixture
def three(fake_results):
    """Three grid points, of which the last on the test set is the best on validation data."""
    points = {1.0: (ALIKE, 0.97), 2.0: (BETTER, 0.95), 4.0: (BETTER, 0.96)}
    points = [
        ({"distillation.temperature": value}, {"baseline": (BASELINE,), "distilled": distilled})
        for value, distilled in points.items()
    ]
    return fake_results(*points, axes=AXIS)


def test_comparisons_are_corrected_for_all_grid_points(three):
    compared = three.against_baseline()
    raw = [stats.ttest_rel(values, BASELINE) for values in (ALIKE, BETTER, BETTER)]
    for each, alone in zip(compared, raw, strict=True):
        interval = alone.confidence_interval(1 - 0.05 / 3)
        assert each.difference.p_value == pytest.approx(min(1, 3 * alone.pvalue))
        assert (each.difference.low, each.difference.high) == pytest.approx(
            (interval.low, interval.high)
        )
        assert each.difference.comparisons == 3
    assert [each.against for each in compared] == ["baseline"] * 3
    assert (compared[1].distilled, compared[1].other) == (np.mean(BETTER), np.mean(BASELINE))


def test_a_single_difference_is_not_corrected(three):
    found = three.difference("distilled", "baseline", {"temperature": 2.0})
    assert found.p_value == pytest.approx(stats.ttest_rel(BETTER, BASELINE).pvalue)
    assert found.comparisons == 1
    first, last = {"temperature": 1.0}, {"temperature": 4.0}
    across = three.difference("distilled", "distilled", last, first)
    assert across.mean == pytest.approx(np.mean(BETTER) - np.mean(ALIKE))


def test_the_best_point_is_chosen_on_validation_data(three):
    assert three.best_point().setting == {"distillation.temperature": 1.0}
    # Its validation accuracy is its test accuracy, the same everywhere: the first one.
    assert three.best_point(variant="baseline").setting == {"distillation.temperature": 1.0}


def test_only_seeds_that_both_have_are_compared(fake_results):
    part = {"baseline": ((0.9, None, 0.92, 0.91),), "distilled": ((0.95, 0.96, None, 0.94),)}
    results = fake_results(({}, part))
    (compared,) = results.against_baseline()
    assert compared.difference.seeds == 2
    assert compared.difference.mean == pytest.approx(np.mean([0.05, 0.03]))
    assert (compared.other, compared.distilled) == pytest.approx((0.905, 0.945))
    assert results.missing == 2
    assert results.accuracies("baseline") == [0.9, 0.92, 0.91]
    assert len(results.runs("distilled")) == 3


def test_comparisons_without_enough_seeds_do_not_count(fake_results):
    seeds = {1.0: 5, 2.0: 2, 4.0: 0}
    points = [
        (
            {"distillation.temperature": value},
            {"baseline": (BASELINE,), "distilled": ((*BETTER[:number], *[None] * (5 - number)),)},
        )
        for value, number in seeds.items()
    ]
    whole, part = fake_results(*points, axes=AXIS).against_baseline()
    assert (whole.difference.comparisons, part.difference.seeds) == (1, 2)


def test_no_seed_has_both(fake_results):
    results = fake_results(({}, {"baseline": ((0.9, None),), "distilled": ((None, 0.95),)}))
    assert results.against_baseline() == []
    with pytest.raises(UserError, match="No seed has both 'distilled' and 'baseline'; run `python"):
        results.difference("distilled", "baseline")


def test_folds_widen_the_interval(fake_results):
    accuracies = {}, {"baseline": (BASELINE,), "distilled": (BETTER,)}
    plain, folds = (
        fake_results(accuracies, **{"experiment.folds": number}) for number in (None, 5)
    )
    widths = [
        found.high - found.low
        for found in (each.difference("distilled", "baseline") for each in (plain, folds))
    ]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_ablations_are_corrected_for_all_grid_points_and_told_of_the_best(fake_results):
    variants = ("baseline", "distilled", "shuffled-teacher", "hard-labels")
    accuracies = dict.fromkeys(variants, (BASELINE,)) | {"distilled": (BETTER,)}
    points = [({"distillation.temperature": value}, accuracies) for value in (1.0, 2.0, 4.0)]
    results = fake_results(*points, axes=AXIS, variants=variants)
    assert results.ablations == ["shuffled-teacher", "hard-labels"]
    compared = results.against_ablations()
    assert [each.against for each in compared] == results.ablations
    assert {each.difference.comparisons for each in compared} == {6}
    assert {each.difference.comparisons for each in results.against_baseline()} == {3}


def test_a_single_variant_has_no_comparisons(fake_results):
    alone = fake_results(({}, {"teacher": ((0.98, 0.97),)}), variants=("teacher",))
    assert alone.subject == "teacher"
    assert alone.against_baseline() == alone.against_ablations() == []


def test_mistakes(three):
    with pytest.raises(UserError, match="trains no 'teacher'; it trains baseline, distilled"):
        three.runs("teacher")
    with pytest.raises(UserError, match=r"3 grid points of `python x` have .*axes are temperature"):
        three.accuracies("baseline")
    with pytest.raises(UserError, match=r"^0 grid points of "):
        three.accuracies("baseline", {"temperature": 3.0})


def test_title_and_command(fake_results):
    results = fake_results(({}, {"distilled": (BETTER,)}), variants=("distilled",))
    assert results.title == "made up on digits"
    assert results.command_line == "python x"
    assert results.parameters("distilled") == 10


@pytest.fixture
def of_classes(fake_student):
    """Six test images; by how much the logit of class 3 is below that of class 0."""
    labels = [3, 3, 3, 3, 0, 1]
    run = fake_student(([3, 8], [3, 0]), ([-1, 1, 2, 9, 5, 5], labels))
    point = GridPoint({}, Recipe(data=Data(student_exclude=("3",))), {"distilled": [run]})
    return Results(point.recipe, (), ("distilled",), [point], None, Path("results"))


@pytest.mark.parametrize(("classes", "accuracy"), [(["3"], 0.25), (["0", "3"], 0.4), (["1"], 0)])
def test_accuracy_on_some_classes(of_classes, classes, accuracy):
    assert of_classes.test_images() == 6
    assert of_classes.class_accuracies("distilled", classes) == pytest.approx([accuracy])


def test_the_bias_of_unseen_classes_is_corrected_on_validation_data(of_classes):
    # A bias of 3 to 8 is best there and 5.5 is taken: three 3s are correct then, and the 0 is not.
    assert of_classes.unseen() == [3]
    assert of_classes.class_accuracies("distilled", ["3"], corrected=True) == [0.75]
    assert of_classes.class_accuracies("distilled", ["0"], corrected=True) == [0.0]


def test_a_custom_program_has_no_command(of_classes):
    assert of_classes.command_line == "a program that called run_experiment"

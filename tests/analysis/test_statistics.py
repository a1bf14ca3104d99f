"""Statistics over seeds and test examples, against SciPy, statsmodels and by simulation."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from distill.analysis.statistics import (
    mcnemar,
    mean_interval,
    paired_difference,
    seeds_needed,
)
from distill.errors import UserError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_paired_difference_against_scipy(seeds):
    first, second = RNG.normal(0.95, 0.01, seeds), RNG.normal(0.93, 0.01, seeds)
    wanted = stats.ttest_rel(first, second)
    interval = wanted.confidence_interval(0.95)
    got = paired_difference(first, second)
    assert got.mean == pytest.approx(np.mean(first) - np.mean(second))
    assert (got.low, got.high) == pytest.approx((interval.low, interval.high))
    assert got.p_value == pytest.approx(wanted.pvalue)
    assert got.seeds == seeds


WITH = [0.9526, 0.9610, 0.9443, 0.9554, 0.9582]
WITHOUT = [0.9192, 0.9304, 0.9081, 0.9220, 0.9109]


def test_a_study_worked_out_elsewhere():
    """SciPy's ttest_rel at a prompt, and its mean/std of the differences."""
    got = paired_difference(WITH, WITHOUT)
    assert got.mean == pytest.approx(0.03618)
    assert (got.low, got.high) == pytest.approx((0.0280794389, 0.0442805611))
    assert got.p_value == pytest.approx(0.000243099263)
    assert got.std == pytest.approx(0.00652395586)
    assert got.effect_size == pytest.approx(5.54571502)


def test_cross_validation_widens_the_interval():
    """Nadeau and Bengio by hand: error 0.00652396·√(1/5 + 1/4), t 8.26706, p 0.00116823."""
    got = paired_difference(WITH, WITHOUT, test_to_train=1 / 4)
    assert got.p_value == pytest.approx(0.00116822681)
    assert (got.high - got.low) / 2 == pytest.approx(0.0121508417)


@pytest.mark.parametrize("seeds", [3, 5, 12])
def test_interval_of_the_mean_against_scipy(seeds):
    values = RNG.normal(0.9, 0.02, seeds)
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_have_no_interval(seeds):
    got = paired_difference([0.9, 0.91][:seeds], [0.8, 0.82][:seeds])
    assert got.mean == pytest.approx(0.1 if seeds == 1 else 0.095)
    assert (got.low, got.high) == (-math.inf, math.inf)
    assert math.isnan(got.p_value)
    assert math.isnan(got.std) == math.isnan(got.effect_size) == (seeds == 1)
    assert got.outcome == "inconclusive"
    assert mean_interval([0.5, 0.6][:seeds]) == (-math.inf, math.inf)


def test_several_comparisons_against_scipy():
    """Bonferroni: p times m, and SciPy's interval at the level 1 − 0.05/m."""
    wanted = stats.ttest_rel(WITH, WITHOUT)
    for comparisons in (1, 2, 5, 30):
        got = paired_difference(WITH, WITHOUT, comparisons=comparisons)
        interval = wanted.confidence_interval(1 - 0.05 / comparisons)
        assert (got.low, got.high) == pytest.approx((interval.low, interval.high))
        assert got.p_value == pytest.approx(comparisons * wanted.pvalue)
        assert got.comparisons == comparisons
    assert paired_difference([0.5, 0.6, 0.7], [0.6, 0.5, 0.7], comparisons=9).p_value == 1.0


@pytest.mark.parametrize("comparisons", [1, 2, 5, 30])
def test_an_interval_excludes_0_if_and_only_if_p_is_below_005(comparisons):
    random, excluded = np.random.default_rng(5), 0
    for _ in range(500):
        seeds, effect = random.integers(3, 9), random.uniform(-2, 2)
        values = random.normal(effect * 0.01, 0.01, seeds)
        folds = random.choice([0.0, 0.25])
        got = paired_difference(values, np.zeros(seeds), 1e-4, folds, comparisons)
        excludes = not got.low <= 0 <= got.high
        assert excludes == (got.p_value < 0.05)
        assert excludes == (got.outcome in ("better", "worse"))
        excluded += excludes
    assert 20 < excluded < 450


def test_all_intervals_together_cover_what_they_say():
    """Five comparisons of 5 seeds: all five intervals hold their true difference in 95 %."""
    random, together, alone = np.random.default_rng(6), 0, 0
    for _ in range(500):
        studies = random.normal(0.01, 0.02, (5, 5))
        for comparisons in (1, 5):
            found = [paired_difference(each, np.zeros(5), 0, 0, comparisons) for each in studies]
            covered = all(each.low <= 0.01 <= each.high for each in found)
            together += covered and comparisons == 5
            alone += covered and comparisons == 1
    assert together / 500 >= 0.93
    assert alone / 500 < 0.85


def test_equivalence_needs_the_whole_interval_within_a_quarter_of_a_point():
    def outcome(std):
        return paired_difference(np.array([-1, 0, 1]) * std, np.zeros(3)).outcome

    reach = stats.t.ppf(0.975, 2) / math.sqrt(3)
    assert outcome(0.99 * 0.0025 / reach) == "equivalent"
    assert outcome(1.01 * 0.0025 / reach) == "inconclusive"
    assert paired_difference([0.5] * 3, [0.5] * 3).outcome == "equivalent"


def test_effect_size_at_the_ends():
    for after, effect in ((0.75, math.inf), (0.25, -math.inf), (0.5, 0.0)):
        got = paired_difference([after] * 3, [0.5] * 3)
        assert (got.std, got.effect_size) == (0.0, effect)
    floored = paired_difference([0.75] * 3, [0.5] * 3, resolution=0.1)
    assert floored.std == pytest.approx(0.0288675135)  # 0.1/√12
    assert floored.effect_size == pytest.approx(8.66025404)
    assert {type(value) for value in dataclasses.asdict(floored).values()} == {float, int}


def test_exchanging_the_two_changes_signs_only():
    got = paired_difference(WITH, WITHOUT, 0.01, 0.1)
    back = paired_difference(WITHOUT, WITH, 0.01, 0.1)
    assert (back.mean, back.low, back.high) == pytest.approx((-got.mean, -got.high, -got.low))
    assert (back.std, back.effect_size) == pytest.approx((got.std, -got.effect_size))
    assert back.p_value == pytest.approx(got.p_value)


def test_equal_differences_are_not_taken_for_certainty():
    """Three times one more example of 100: what rounding alone can do with a gain of nothing."""
    got = paired_difference([0.91, 0.92, 0.93], [0.90, 0.91, 0.92], resolution=0.01)
    error = 0.01 / math.sqrt(12) / math.sqrt(3)
    assert got.high - got.low == pytest.approx(2 * stats.t.ppf(0.975, 2) * error)
    assert paired_difference([0.5] * 3, [0.5] * 3).p_value == 1.0
    assert paired_difference([0.6] * 3, [0.5] * 3).p_value == 0.0


def test_intervals_cover_what_they_say():
    studies = RNG.normal(0.01, 0.02, (1000, 5))
    intervals = [paired_difference(study, np.zeros(5)) for study in studies]
    covered = np.mean([one.low <= 0.01 <= one.high for one in intervals])
    assert 0.93 <= covered <= 0.97


def test_intervals_of_accuracies_cover_what_they_say():
    """Both students of a seed share what is hard about it; accuracies on 360 test examples."""
    random = np.random.default_rng(1)
    shared = random.normal(0, 0.01, (1000, 5))
    distilled = random.binomial(360, np.clip(0.95 + shared, 0, 1)) / 360
    labels = random.binomial(360, np.clip(0.92 + shared, 0, 1)) / 360
    differences = [paired_difference(a, b, 1 / 360) for a, b in zip(distilled, labels, strict=True)]
    covered = np.mean([each.low <= 0.03 <= each.high for each in differences])
    assert 0.93 <= covered <= 0.97
    intervals = [mean_interval(study) for study in distilled]
    assert 0.93 <= np.mean([low <= 0.95 <= high for low, high in intervals]) <= 0.97


def test_equal_students_are_seldom_told_apart():
    """Accuracies on 359 examples without any effect."""
    studies = RNG.binomial(359, 0.93, (1000, 2, 5)) / 359
    outcomes = [paired_difference(a, b, 1 / 359).outcome for a, b in studies]
    assert sum(outcome in ("better", "worse") for outcome in outcomes) / 1000 <= 0.07


def test_equal_students_are_seldom_told_apart_anywhere_in_a_grid():
    """Five grid points: some false claim in 5 % of grids, and in 23 % without the correction."""
    grids, wrong = RNG.binomial(359, 0.93, (500, 5, 2, 5)) / 359, {1: 0, 5: 0}
    for grid in grids:
        for comparisons in wrong:
            found = [paired_difference(a, b, 1 / 359, 0, comparisons).outcome for a, b in grid]
            wrong[comparisons] += bool({"better", "worse"} & set(found))
    assert wrong[5] / 500 < 0.08
    assert wrong[1] / 500 > 0.15


def test_mcnemar_against_statsmodels():
    """statsmodels 0.14: mcnemar([[100, 17], [5, 30]], exact=True), and [[10, 3], [9, 1]]."""
    tables = (100, 17, 5, 30, 0.0169005394), (10, 3, 9, 1, 0.1459960938)
    for both, only_a, only_b, neither, p_value in tables:
        a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
        b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
        got = mcnemar(a, b)
        assert (got.only_a, got.only_b) == (only_a, only_b)
        assert got.p_value == pytest.approx(p_value)
    assert mcnemar([True, False], [True, False]).p_value == 1.0
    for wrong in ([True], []):
        with pytest.raises(UserError, match="compare them on the same examples"):
            mcnemar(wrong, wrong * 2)


def test_the_interval_of_mcnemars_test():
    """Of 100 examples 17 and 5: R's binom.test(17, 22) has the interval 0.5463 to 0.9218."""
    a = [True] * 17 + [False] * 83
    b = [False] * 17 + [True] * 5 + [False] * 78
    got, back = mcnemar(a, b), mcnemar(b, a)
    assert got.difference == pytest.approx(0.12)
    ends = [(2 * share - 1) * 22 / 100 for share in (0.5463, 0.9218)]
    assert (got.low, got.high) == pytest.approx(ends, abs=2e-5)
    assert (back.low, back.high) == pytest.approx((-got.high, -got.low))
    same = mcnemar(a, a)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_interval_and_p_value_of_mcnemars_test_agree():
    excluded = 0
    for only_a in range(25):
        for only_b in range(25):
            a = [True] * only_a + [False] * only_b + [True] * 10
            b = [False] * only_a + [True] * only_b + [True] * 10
            got = mcnemar(a, b)
            assert got.low <= got.difference <= got.high
            excludes = not got.low <= 0 <= got.high
            assert excludes == (got.p_value < 0.05)
            excluded += excludes
    assert 100 < excluded < 500


def test_the_interval_of_mcnemars_test_covers_what_it_says():
    """Given the number of examples on which the models differ: here 60, 70 % of them for a."""
    random, covered = np.random.default_rng(2), 0
    for _ in range(500):
        a = np.concatenate([random.random(60) < 0.7, np.ones(240, bool)])
        b = np.concatenate([~a[:60], np.ones(240, bool)])
        got = mcnemar(a, b)
        covered += got.low <= (2 * 0.7 - 1) * 60 / 300 <= got.high
    assert 0.94 <= covered / 500 <= 0.99


@pytest.mark.parametrize(
    ("effect", "seeds"), [(1.0, 10), (0.5, 34), (0.2, 199), (2.0, 5), (0.09, 971), (0.05, None)]
)
def test_seeds_needed_against_statsmodels(effect, seeds):
    """statsmodels 0.14: TTestPower().solve_power(effect, power=0.8, alpha=0.05), rounded up."""
    assert seeds_needed(effect * 0.01, 0.01) == seeds
    assert seeds_needed(-effect * 0.01, 0.01) == seeds


@pytest.mark.parametrize(("effect", "seeds"), [(1.0, 16), (0.5, 51), (5.7, 4)])
def test_seeds_needed_at_a_stricter_level(effect, seeds):
    """statsmodels 0.15: the same with alpha=0.01: 15.08 and 50.06.

    Of 5.7 its power is NaN from 3 seeds on; 200,000 simulated studies see it in 62.4 % with 3
    seeds and in 98.7 % with 4.
    """
    assert seeds_needed(effect, 1.0, level=0.01) == seeds


def test_seeds_needed_at_the_ends():
    assert seeds_needed(0.0, 0.01) is None
    assert seeds_needed(0.01, 0.0) == 3
    assert seeds_needed(1.0, 1e-6) == 3
    assert seeds_needed(0.01, math.inf) is None
    assert seeds_needed(math.nan, 0.01) is None


def test_seeds_needed_by_simulation():
    """13 seeds see 0.3 points at a deviation of 0.35 in 80 % of studies, 9 in 60 %."""
    assert seeds_needed(0.003, 0.0035) == 13
    for seeds, least, most in ((13, 0.79, 0.83), (9, 0.55, 0.65)):
        studies = np.random.default_rng(4).normal(0.003, 0.0035, (10_000, seeds))
        assert least < np.mean(stats.ttest_1samp(studies, 0.0, axis=1).pvalue < 0.05) < most

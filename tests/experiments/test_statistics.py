"""Statistics over seeds against SciPy and by simulation; the sentences word for word."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from distill.errors import UserError
from distill.experiments.statistics import (
    PairedDifference,
    bootstrap_difference,
    holm,
    mcnemar,
    mean_interval,
    paired_difference,
    seeds_needed,
    verdict,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
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


@pytest.mark.parametrize("seeds", [2, 5, 12])
def test_interval_of_the_mean_against_scipy(seeds):
    values = RNG.normal(0.9, 0.02, seeds)
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((wanted.low, wanted.high))
    assert mean_interval([0.5]) == (-math.inf, math.inf)


def test_one_seed_tells_nothing():
    got = paired_difference([0.9], [0.8])
    assert (got.low, got.high) == (-math.inf, math.inf)
    assert all(map(math.isnan, (got.p_value, got.std, got.effect_size)))


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


def no_claim(sentence):
    return sentence.startswith(("Whether distillation helped cannot", "No difference"))


def test_no_effect_is_seldom_called_one():
    """Accuracies on 359 examples, both students alike: 'cannot be told' in 90 % and more."""
    studies = RNG.binomial(359, 0.93, (1000, 2, 5)) / 359
    said = [verdict(paired_difference(a, b, 1 / 359), 0.93, 0.93) for a, b in studies]
    assert np.mean([no_claim(sentence) for sentence in said]) >= 0.93


def test_no_effect_anywhere_in_a_grid_is_seldom_called_one():
    """Five settings: with Holm's correction one false claim or more in 5 % of grids, not 23 %."""
    grids = RNG.binomial(359, 0.93, (500, 5, 2, 5)) / 359
    corrected, plain = 0, 0
    for grid in grids:
        found = [paired_difference(a, b, 1 / 359) for a, b in grid]
        p_values = [each.p_value for each in found]
        said = [
            verdict(each, 0.9, 0.9, p_value, 5)
            for each, p_value in zip(found, holm(p_values), strict=True)
        ]
        corrected += not all(map(no_claim, said))
        plain += min(p_values) < 0.05
    assert corrected / 500 < 0.08
    assert plain / 500 > 0.15


def test_mcnemar_against_statsmodels():
    """statsmodels 0.14: mcnemar([[100, 17], [5, 30]], exact=True), and [[10, 3], [9, 1]]."""
    for both, only_a, only_b, neither, p_value in ((100, 17, 5, 30, 0.0169005394),
                                                   (10, 3, 9, 1, 0.1459960938)):  # fmt: skip
        a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
        b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
        got = mcnemar(a, b)
        assert (got.only_a, got.only_b) == (only_a, only_b)
        assert got.p_value == pytest.approx(p_value)
    assert mcnemar([True, False], [True, False]).p_value == 1.0
    for wrong in ([True], []):
        with pytest.raises(UserError, match="compare them on the same ones"):
            mcnemar(wrong, wrong * 2)


def test_bootstrap_interval():
    """Of n examples d = +1, −1, 0: close to the normal interval d̄ ± 1.96 std/√n."""
    a = np.array([True] * 800 + [True] * 60 + [False] * 40 + [False] * 100)
    b = np.array([True] * 800 + [False] * 60 + [True] * 40 + [False] * 100)
    error = np.std(a.astype(float) - b) / math.sqrt(1000)
    low, high = bootstrap_difference(a, b)
    assert (low, high) == pytest.approx((0.02 - 1.96 * error, 0.02 + 1.96 * error), abs=0.002)
    assert bootstrap_difference(a, b) == (low, high)
    assert bootstrap_difference(b, a) == pytest.approx((-high, -low), abs=0.002)
    assert bootstrap_difference(a, a) == (0.0, 0.0)
    assert bootstrap_difference([True, True], [False, False]) == (1.0, 1.0)
    assert bootstrap_difference([False], [True]) == (-1.0, -1.0)


def test_bootstrap_interval_covers_what_it_says():
    random, covered = np.random.default_rng(2), 0
    for _ in range(200):
        a, b = random.random(300) < 0.95, random.random(300) < 0.90
        low, high = bootstrap_difference(a, b, resamples=999)
        covered += low <= 0.05 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_holm_against_statsmodels():
    """statsmodels 0.14: multipletests([0.01, 0.04, 0.03, 0.005, 0.5], method="holm")."""
    p_values = [0.01, 0.04, 0.03, 0.005, 0.5]
    assert holm(p_values) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])
    with_nan = holm([*p_values[:2], math.nan, *p_values[2:]])
    assert math.isnan(with_nan.pop(2))
    assert with_nan == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


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


@pytest.mark.parametrize(
    ("difference", "without", "with_", "sentence"),
    [
        (
            PairedDifference(0.034, 0.026, 0.041, 0.0002, 5),
            0.920,
            0.954,
            "Distillation helped: test accuracy rose from 92.0 % to 95.4 %, by 3.4 points "
            "(95 % interval +2.6 to +4.1, 5 seeds, p < 0.001).",
        ),
        (
            PairedDifference(-0.012, -0.020, -0.004, 0.012, 5),
            0.960,
            0.948,
            "Distillation did not help: test accuracy fell from 96.0 % to 94.8 %, by 1.2 points "
            "(95 % interval -2.0 to -0.4, 5 seeds, p = 0.012).",
        ),
        (
            PairedDifference(0.002, -0.005, 0.009, 0.47, 5),
            0.950,
            0.952,
            "Whether distillation helped cannot be told from these 5 seeds: test accuracy went "
            "from 95.0 % to 95.2 %, +0.2 points (95 % interval -0.5 to +0.9, 5 seeds, p = 0.47).",
        ),
        (
            PairedDifference(0.003, -0.001, 0.007, 0.11, 5, 0.0035, 0.86),
            0.950,
            0.953,
            "Whether distillation helped cannot be told from these 5 seeds: test accuracy went "
            "from 95.0 % to 95.3 %, +0.3 points (95 % interval -0.1 to +0.7, 5 seeds, p = 0.11); "
            "about 13 seeds would be needed to tell a difference of 0.3 points.",
        ),
        (
            PairedDifference(0.0006, -0.0031, 0.0043, 0.68, 5, 0.003, 0.2),
            0.950,
            0.951,
            "Whether distillation helped cannot be told from these 5 seeds: test accuracy went "
            "from 95.0 % to 95.1 %, +0.1 points (95 % interval -0.3 to +0.4, 5 seeds, p = 0.68); "
            "about 199 seeds would be needed to tell a difference of 0.1 points.",
        ),
        (
            PairedDifference(0.0001, -0.04, 0.04, 0.99, 5, 0.5, 0.0),
            0.950,
            0.950,
            "Whether distillation helped cannot be told from these 5 seeds: test accuracy went "
            "from 95.0 % to 95.0 %, +0.0 points (95 % interval -4.0 to +4.0, 5 seeds, p = 0.99); "
            "more than 1000 seeds would be needed to tell a difference of 0.5 points.",
        ),
        (
            PairedDifference(0.0001, -0.002, 0.0022, 0.9, 8, 0.002, 0.05),
            0.950,
            0.950,
            "No difference to speak of: test accuracy went from 95.0 % to 95.0 %, +0.0 points "
            "(95 % interval -0.2 to +0.2, 8 seeds, p = 0.9).",
        ),
        (
            PairedDifference(0.1, -math.inf, math.inf, math.nan, 1),
            0.800,
            0.900,
            "Whether distillation helped cannot be told from one seed: test accuracy rose from "
            "80.0 % to 90.0 %, and chance alone may do that; run 5 (--seeds 5).",
        ),
        (
            PairedDifference(0.0, -math.inf, math.inf, math.nan, 1),
            0.831,
            0.831,
            "Whether distillation helped cannot be told from one seed: test accuracy stayed at "
            "83.1 %, and chance alone may do that; run 5 (--seeds 5).",
        ),
        (
            PairedDifference(-0.1, -0.11, -0.09, 0.001, 2),
            0.900,
            0.800,
            "Whether distillation helped cannot be told from 2 seeds: test accuracy fell from "
            "90.0 % to 80.0 %, and chance alone may do that; run 5 (--seeds 5).",
        ),
    ],
)
def test_sentences(difference, without, with_, sentence):
    assert verdict(difference, without, with_) == sentence


def test_sentence_after_correction():
    difference = PairedDifference(0.034, 0.026, 0.041, 0.002, 5, 0.006, 5.7)
    said = verdict(difference, 0.92, 0.954, 0.01, 5)
    assert said.startswith("Distillation helped: ")
    assert said.endswith("5 seeds, p = 0.01 after Holm's correction for 5 comparisons).")
    said = verdict(difference, 0.92, 0.954, 0.06, 30)
    assert said.startswith("Whether distillation helped cannot be told")
    own = verdict(difference, 0.92, 0.954, None, 30)  # nothing was corrected, and none is said
    assert own == verdict(difference, 0.92, 0.954)


def test_seeds_needed_after_correction():
    """d = 1: 10 seeds alone, 16 at the level 0.05/5."""
    difference = PairedDifference(0.01, -0.0024, 0.0224, 0.089, 5, 0.01, 1.0)
    alone = verdict(difference, 0.92, 0.93)
    corrected = verdict(difference, 0.92, 0.93, 0.4, 5)
    assert alone.endswith("p = 0.089); about 10 seeds would be needed to tell a difference of 1.0 "
                          "points.")  # fmt: skip
    assert corrected.endswith("p = 0.4 after Holm's correction for 5 comparisons); about 16 seeds "
                              "would be needed to tell a difference of 1.0 points.")  # fmt: skip


def test_seeds_that_are_there_are_not_asked_for():
    """Differences +0.1, +0.2, −0.2, 0 and −0.25 points: 4 seeds would see half a point."""
    difference = paired_difference([0.951, 0.952, 0.948, 0.95, 0.9475], [0.95] * 5)
    assert seeds_needed(0.005, difference.std) == 4
    said = verdict(difference, 0.95, 0.95)
    assert said.startswith("Whether distillation helped cannot be told from these 5 seeds")
    assert said.endswith("(95 % interval -0.3 to +0.2, 5 seeds, p = 0.74).")


def test_all_equal_is_no_difference():
    equal = [0.9, 0.91, 0.92]
    for resolution in (0.0, 1 / 360):
        said = verdict(paired_difference(equal, equal, resolution), 0.91, 0.91)
        assert said.startswith("No difference to speak of: test accuracy went from 91.0 %")

"""Statistics over seeds against SciPy and by simulation; the sentences word for word."""

import math

import numpy as np
import pytest
from scipy import stats

from distill.experiments.statistics import PairedDifference, paired_difference, verdict

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


def test_one_seed_tells_nothing():
    got = paired_difference([0.9], [0.8])
    assert (got.low, got.high) == (-math.inf, math.inf)
    assert math.isnan(got.p_value)


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


def test_no_effect_is_seldom_called_one():
    """Accuracies on 359 examples, both students alike: 'cannot be told' in 90 % and more."""
    studies = RNG.binomial(359, 0.93, (1000, 2, 5)) / 359
    said = [verdict(paired_difference(a, b, 1 / 359), 0.93, 0.93) for a, b in studies]
    assert np.mean(["cannot be told" in sentence for sentence in said]) >= 0.93


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
            PairedDifference(0.1, -math.inf, math.inf, math.nan, 1),
            0.800,
            0.900,
            "Whether distillation helped cannot be told from one seed: test accuracy rose from "
            "80.0 % to 90.0 %, and chance alone may do that; run 5 (--seeds 5).",
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

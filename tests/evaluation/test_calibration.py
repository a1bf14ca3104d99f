"""Calibration, against loops, simulated classifiers and numbers worked out by hand."""

import numpy as np
import pytest
from scipy.special import softmax

from distill.evaluation import calibration_error, fit_temperature, measure, reliability


def logits_of(probabilities):
    return np.log(np.asarray(probabilities, "float64"))


def simulated(examples=20_000, classes=6, sharper=1.0, seed=0):
    """Labels drawn from the probabilities of logits that are then made sharper than they are."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(examples, classes))
    cumulative = softmax(logits, -1).cumsum(-1)
    labels = (random.random((examples, 1)) > cumulative).sum(-1)
    return logits * sharper, np.minimum(labels, classes - 1)


def test_bins_by_hand():
    """Three bins: (0, 1/3], (1/3, 2/3], (2/3, 1]; a probability on an edge is of the lower bin."""
    probabilities = [[0.5, 0.5], [0.4, 0.6], [2 / 3, 1 / 3], [0.9, 0.1], [1.0, 1e-300], [0.2, 0.8]]
    labels = np.array([0, 0, 0, 0, 0, 1])  # correct: the first (of equals), the 3rd to the 6th
    found = reliability(logits_of(probabilities), labels, bins=3)
    np.testing.assert_array_equal(found.count, [0, 3, 3])
    assert np.isnan(found.confidence[0])
    assert np.isnan(found.accuracy[0])
    np.testing.assert_allclose(found.confidence[1:], [(0.5 + 0.6 + 2 / 3) / 3, 0.9])
    np.testing.assert_allclose(found.accuracy[1:], [2 / 3, 1.0])
    wanted = (3 * abs(2 / 3 - (0.5 + 0.6 + 2 / 3) / 3) + 3 * abs(1.0 - 0.9)) / 6
    assert calibration_error(logits_of(probabilities), labels, bins=3) == pytest.approx(wanted)


def test_confidence_on_an_edge():
    """Probabilities of 1/5 and 1/2, exactly: 3/15 is the upper edge of the third bin of 15."""
    fifth = reliability(np.zeros((2, 5)), np.array([0, 1]))
    np.testing.assert_array_equal(fifth.count, [0, 0, 2] + 12 * [0])
    assert (fifth.confidence[2], fifth.accuracy[2]) == (0.2, 0.5)
    np.testing.assert_array_equal(reliability(np.zeros((1, 2)), np.array([0]), 2).count, [1, 0])
    certain = reliability(np.array([[1e4, -1e4]]), np.array([1]))
    np.testing.assert_array_equal(certain.count, 14 * [0] + [1])
    assert (certain.confidence[14], certain.accuracy[14]) == (1.0, 0.0)


def test_bins_against_a_loop():
    logits, labels = simulated(examples=500, sharper=1.5)
    found = reliability(logits, labels)
    wanted = [[] for _ in range(15)]
    for row, label in zip(logits, labels, strict=True):
        p = np.exp(row) / sum(np.exp(row))
        wanted[int(np.ceil(max(p) * 15)) - 1].append((max(p), p[label] == max(p)))
    np.testing.assert_array_equal(found.count, [len(each) for each in wanted])
    means = np.array([np.mean(each, axis=0) if each else [np.nan] * 2 for each in wanted])
    np.testing.assert_allclose(found.confidence, means[:, 0])
    np.testing.assert_allclose(found.accuracy, means[:, 1])
    gaps = [len(each) / 500 * abs(np.subtract(*np.mean(each, axis=0))) for each in wanted if each]
    assert calibration_error(logits, labels) == pytest.approx(sum(gaps))


def test_calibration_error_of_simulated_classifiers():
    assert calibration_error(*simulated()) < 0.015
    logits, labels = simulated(sharper=4.0)
    sure = softmax(logits, -1).max(-1).mean() - np.mean(logits.argmax(-1) == labels)
    assert sure > 0.2
    assert calibration_error(logits, labels) == pytest.approx(sure, abs=0.02)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_scaling_finds_what_was_simulated(temperature):
    logits, labels = simulated(sharper=temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.04)
    fresh, fresh_labels = simulated(sharper=temperature, seed=1)
    scaled = measure(fresh / found, fresh_labels)
    assert scaled["ece"] < 0.015
    assert scaled["nll"] <= measure(fresh, fresh_labels)["nll"] + 1e-4
    assert scaled["accuracy"] == measure(fresh, fresh_labels)["accuracy"]


def test_temperature_by_hand():
    """Logits 2 and 0, right 3 times of 4: NLL is least where the probability is 3/4, 2/T = ln 3."""
    logits, labels = np.tile([2.0, 0.0], (4, 1)), np.array([0, 0, 0, 1])
    assert fit_temperature(logits, labels) == pytest.approx(2 / np.log(3), rel=1e-4)


@pytest.mark.parametrize("sure", [1.0, 100.0, 1e4])
def test_temperature_at_its_bounds(sure):
    """With 1e4 the NLL of one that is always right is 0, to the last bit, at every temperature."""
    logits = np.array([[2.0, 0.0], [0.0, 1.0]]) * sure
    assert fit_temperature(logits, np.array([0, 1])) == 0.05
    assert fit_temperature(logits, np.array([1, 0])) == pytest.approx(20, rel=1e-4)

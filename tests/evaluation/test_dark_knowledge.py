"""What a teacher says of the wrong classes, against plain NumPy and values worked out by hand."""

import numpy as np
import pytest

from distill.evaluation.dark_knowledge import between, most_alike, most_ambiguous, resemblance


def test_most_ambiguous_of_each_class():
    logits = np.array([[5.0, 0, 0], [3, 2.5, 0], [0, 4, 3], [9, 8.9, 0], [0, 3, 1], [2, 1, 0.0]])
    labels = np.array([0, 0, 1, 1, 1, 2])
    # The fourth is nearest to a tie, and wrong; of class 2 none is right.
    assert most_ambiguous(logits, labels) == [1, 2]
    assert most_ambiguous(logits[2:], labels[2:]) == [0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 8.0])
def test_resemblance_is_the_mean_of_soft_targets(temperature):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(60, 5)) * np.array([1, 1, 10, 1000, 1])
    labels = rng.integers(0, 4, 60)  # there is no example of class 4
    found = resemblance(logits.astype("float32"), labels, temperature)
    for label in range(4):
        rows = []
        for row in logits.astype("float32")[labels == label].astype("float64") / temperature:
            powers = np.exp(row - row.max())
            rows.append(powers / powers.sum())
        np.testing.assert_allclose(found[label], np.mean(rows, axis=0), rtol=1e-12)
    assert np.isnan(found[4]).all()


def test_examples_without_a_label_resemble_nothing():
    logits = np.log([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    found = resemblance(logits, np.array([0, 1, -1]))
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.2, 0.8]])


def test_most_alike_passes_over_missing_classes():
    resembling = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [np.nan] * 3])
    assert most_alike(resembling) == (0, 1)
    assert most_alike(resembling[::-1, ::-1]) == (2, 1)


def test_between_takes_right_ones_only():
    logits = np.array([[5.0, 0, 0], [1, 0.9, 0], [0, 1, 0], [0, 6, 0], [0.5, 1, 0], [0, 0, 9]])
    labels = np.array([0, 0, 0, 1, 1, 0])
    assert between(logits, labels, 0, 1) == [0, 1, 4, 3]
    assert between(logits, labels, 1, 0) == [3, 4, 1, 0]
    assert between(logits[:4], labels[:4], 0, 1) == [0, 1, 3]
    assert between(logits[2:3], labels[2:3], 0, 1) == []

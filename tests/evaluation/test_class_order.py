"""Orders of classes: found if clear, and never seen where there is none."""

import numpy as np
import pytest

from distill.evaluation import other_class_order

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 5, 200)


@pytest.mark.parametrize("errors", [0, 60])
def test_a_permutation_is_found(errors):
    order = np.array([2, 0, 1, 4, 3])
    predictions = np.argsort(order)[LABELS]
    predictions[:errors] = RNG.integers(0, 5, errors)
    np.testing.assert_array_equal(other_class_order(predictions, LABELS, 5), order)


def test_two_exchanged_classes_are_found():
    order = np.array([1, 0, 2])
    labels = LABELS % 3
    np.testing.assert_array_equal(other_class_order(order[labels], labels, 3), order)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_good_a_middling_and_an_untrained_model_have_no_other_order(share):
    predictions = np.where(RNG.random(200) < share, LABELS, RNG.integers(0, 5, 200))
    assert other_class_order(predictions, LABELS, 5) is None
    assert other_class_order(np.zeros(200, int), LABELS, 5) is None


def test_a_class_without_examples():
    labels = LABELS % 3
    assert other_class_order(labels, labels, 5) is None


def test_a_constant_prediction_is_no_order():
    assert other_class_order(np.zeros(100, int), np.repeat([0, 1], [10, 90]), 2) is None


@pytest.mark.parametrize(
    ("classes", "examples", "most"),
    [(97, 485, 0), (97, 200, 0), (10, 50, 0), (3, 60, 10), (2, 20, 0)],
)
def test_chance_is_no_order(classes, examples, most):
    """Among few examples some order always fits well."""
    labels, found = np.arange(examples) % classes, 0
    for number in range(200):
        predictions = np.random.default_rng(number).integers(0, classes, examples)
        found += other_class_order(predictions, labels, classes) is not None
    assert found <= most

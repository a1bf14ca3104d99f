"""The best bias against a search over every interval by hand, and cases worked out by hand."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.class_bias import add_class_bias, best_class_bias, with_class_bias


def accuracy(logits, labels, classes, bias):
    moved = logits.copy()
    moved[:, classes] += bias
    return np.mean(np.argmax(moved, axis=1) == labels)


@pytest.mark.parametrize("classes", [[3], [7, 8], [0, 1, 2, 3, 4, 5, 6, 9]])
@pytest.mark.parametrize("seed", range(5))
def test_no_bias_of_a_fine_grid_is_better(classes, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, 80)
    logits = random.normal(0, 1, (80, 10)) + 2 * np.eye(10)[labels]
    logits[:, classes] -= 3.0
    found = best_class_bias(logits, labels, classes)
    best = max(accuracy(logits, labels, classes, bias) for bias in np.linspace(-12, 12, 4801))
    assert accuracy(logits, labels, classes, found) >= best
    assert best > accuracy(logits, labels, classes, 0.0)
    assert np.mean(with_class_bias(logits, classes, found).argmax(1) == labels) >= best


def test_worked_out_by_hand():
    """Margins 2, 3 and 1; labels 1, 0, 1: all three are right for a bias between 2 and 3."""
    logits = np.array([[2.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
    assert best_class_bias(logits, np.array([1, 0, 1]), [1]) == 2.5


def test_the_widest_of_equally_good_intervals():
    """Margins 0, 1, 5; right from 0 to 1 and from 1 to 5 alike (the second is of neither class)."""
    logits = np.array([[0.0, 0.0, -9.0], [1.0, 0.0, -9.0], [5.0, 0.0, -9.0]])
    assert best_class_bias(logits, np.array([1, 2, 0]), [1]) == 3.0


def test_beyond_the_outermost_margin():
    logits = np.array([[2.0, 0.0], [3.0, 0.0]])
    assert best_class_bias(logits, np.array([1, 1]), [1]) == 4.0
    assert best_class_bias(logits, np.array([0, 0]), [1]) == 1.0


def test_equal_margins_have_no_interval_between_them():
    logits = np.array([[2.0, 0.0]] * 3 + [[1.0, 0.0]])
    found = best_class_bias(logits, np.array([1, 1, 0, 1]), [1])
    assert found == 3.0  # above all of them: three right; below 2 only one or two


@pytest.mark.parametrize("classes", [[], [0, 1, 2]])
def test_nothing_to_correct(classes):
    assert best_class_bias(np.zeros((2, 3)), np.array([0, 1]), classes) == 0.0


def test_a_corrected_model_is_its_logits_corrected(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)])
    before = model.get_weights()
    inputs = np.random.default_rng(0).random((6, 4), "float32")
    corrected = add_class_bias(model, [0, 2], 1.5)
    wanted = with_class_bias(np.asarray(model(inputs)), [0, 2], 1.5)
    np.testing.assert_allclose(corrected(inputs), wanted, rtol=1e-6)
    for value, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, kept)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.Dense(3, use_bias=False), "has no bias, or it has an activation"),
        (keras.layers.Dense(3, activation="tanh"), "has no bias, or it has an activation"),
        (keras.layers.Conv1D(3, 2), "does not end in a dense layer"),
    ],
)
def test_a_model_whose_bias_is_not_that_of_its_logits_is_refused(layer, message):
    model = keras.Sequential([keras.Input((5, 4)), layer])
    with pytest.raises(UserError, match=message):
        add_class_bias(model, [0], 1.0)

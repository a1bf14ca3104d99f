"""The hard loss against NumPy in float64, with unlabelled examples, weights and one-hot labels."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from distill.errors import UserError
from distill.methods.labels import CrossEntropy, label_weights, resolve_hard_loss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=5, size=(12, 4)).astype("float32")
LABELS = RNG.integers(0, 4, 12)
PER_EXAMPLE = -log_softmax(LOGITS.astype("float64"), -1)[np.arange(12), LABELS]


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], np.eye(4)[LABELS]])
def test_mean_over_examples(labels):
    assert float(CrossEntropy()(labels, LOGITS)) == pytest.approx(PER_EXAMPLE.mean(), rel=1e-6)


def test_unlabelled_examples_do_not_count():
    labels = np.where(np.arange(12) % 3 == 0, LABELS, -1)
    wanted = PER_EXAMPLE[::3].mean()
    assert float(CrossEntropy()(labels, LOGITS)) == pytest.approx(wanted, rel=1e-6)
    assert float(CrossEntropy()(np.full(12, -1), LOGITS)) == 0.0


def test_sample_weights():
    weights = RNG.random(12)
    wanted = np.sum(weights * PER_EXAMPLE) / 12
    assert float(CrossEntropy()(LABELS, LOGITS, weights)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    logits = keras.ops.cast(LOGITS * 1000, dtype)
    wide = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32")).astype("float64")
    wanted = -log_softmax(wide, -1)[np.arange(12), LABELS].mean()
    assert float(CrossEntropy()(LABELS, logits)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("bad", [4, 100, np.nan])
def test_labels_beyond_the_classes_make_it_nan(bad):
    labels = LABELS.astype("float32")
    labels[3] = bad
    assert np.isnan(float(CrossEntropy()(labels, LOGITS)))


def test_label_weights():
    labels = np.array([2, -1, 0])
    np.testing.assert_array_equal(label_weights(labels), [1, 0, 1])
    np.testing.assert_array_equal(label_weights(labels, np.array([0.5, 9.0, 2.0])), [0.5, 0, 2])
    assert label_weights(None, "kept") == "kept"
    assert label_weights(np.eye(3)) is None


def test_one_hot_labels_of_another_width():
    with pytest.raises(UserError, match="3 columns and the model has 4 classes"):
        CrossEntropy()(np.eye(3), LOGITS[:3])


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.CategoricalCrossentropy(from_logits=False),
    ],
)
def test_losses_of_probabilities_are_refused(loss):
    with pytest.raises(UserError, match="from_logits=True"):
        resolve_hard_loss(loss)


def test_names_mean_the_loss_of_logits():
    for name in (None, "sparse_categorical_crossentropy", "categorical_crossentropy"):
        assert isinstance(resolve_hard_loss(name), CrossEntropy)
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert resolve_hard_loss(own) is own


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
@pytest.mark.parametrize("one_hot", [False, True])
def test_label_smoothing_against_its_formula(smoothing, one_hot):
    """Cross-entropy with 1 − ε + ε/4 for the label and ε/4 for the three others."""
    target = (1 - smoothing) * np.eye(4)[LABELS] + smoothing / 4
    wanted = -(target * log_softmax(LOGITS.astype("float64"), -1)).sum(-1)
    labels = np.eye(4)[LABELS] if one_hot else LABELS
    loss = CrossEntropy(smoothing)
    assert float(loss(labels, LOGITS)) == pytest.approx(wanted.mean(), rel=1e-6)
    if not one_hot:
        some = np.where(np.arange(12) % 3 == 0, LABELS, -1)
        assert float(loss(some, LOGITS)) == pytest.approx(wanted[::3].mean(), rel=1e-6)
    copy = CrossEntropy.from_config(loss.get_config())
    assert float(copy(labels, LOGITS)) == float(loss(labels, LOGITS))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_impossible_smoothing(smoothing):
    with pytest.raises(UserError, match=r"label_smoothing is .*below 1"):
        CrossEntropy(smoothing)

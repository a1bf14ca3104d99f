"""Several labels per example: losses against NumPy, and a distiller from end to end."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from method_tools import gradient_at, has_float64, needs_float64

from distill import Distiller, check
from distill.distiller.targets import Targets
from distill.errors import UserError
from distill.evaluation import mean_average_precision
from distill.methods import BinaryCrossEntropy, CrossEntropy, get_method, multi_label_kd

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 6)).astype("float32")
Y = (X[:, :3] + 0.3 * RANDOM.normal(size=(64, 3)) > 0.3).astype("float32")


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, "float64")))


def by_hand(teacher, student, temperature):
    p, q = sigmoid(teacher / temperature), sigmoid(student / temperature)
    each = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return temperature**2 * each.mean(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_the_loss_is_that_of_the_formula(temperature):
    teacher, student = RANDOM.normal(size=(2, 5, 7), scale=3)
    found = multi_label_kd(teacher, student, temperature)
    # JAX computes in float32, where the difference of nearly equal numbers loses digits.
    digits = 1e-6 if has_float64 else 5e-5
    np.testing.assert_allclose(found, by_hand(teacher, student, temperature), rtol=digits)
    same = multi_label_kd(teacher, teacher, temperature)
    np.testing.assert_allclose(same, 0, atol=1e-10)


def test_large_logits_stay_finite():
    found = multi_label_kd(ops.array([[500.0, -500.0]]), ops.array([[-500.0, 500.0]]), 1.0)
    np.testing.assert_allclose(found, [500.0])


@needs_float64
def test_the_gradient_is_that_of_finite_differences():
    teacher, student = RANDOM.normal(size=(2, 1, 4))
    gradient = gradient_at(lambda x: multi_label_kd(teacher, x, 3.0)[0], student)
    for place, found in enumerate(gradient[0]):
        step = np.eye(4)[[place]] * 1e-5
        high, low = (by_hand(teacher, student + sign * step, 3.0)[0] for sign in (1, -1))
        assert found == pytest.approx((high - low) / 2e-5, rel=1e-6)


def model(activation=None, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((6,)), layers.Dense(3, activation=activation)])


@pytest.fixture
def teacher():
    """It ends in sigmoid, and knows the labels."""
    found = model("sigmoid")
    found.layers[-1].kernel.assign(np.vstack([4 * np.eye(3), np.zeros((3, 3))]))
    found.layers[-1].bias.assign(np.full(3, -1.2))
    return found


def logits_of(teacher):
    return X @ teacher.layers[-1].kernel.numpy() + teacher.layers[-1].bias.numpy()


def test_losses_and_accuracy_of_a_distiller_are_those_by_hand(teacher):
    distiller = Distiller(
        teacher=teacher, student=model(seed=1), method="multi_label_kd", alpha=0.3, temperature=2.0
    )
    distiller.compile("sgd", metrics=["accuracy"], weighted_metrics=["acc"])
    student = ops.convert_to_numpy(distiller.student(X))
    found = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    q = sigmoid(student)
    hard = -np.mean(Y * np.log(q) + (1 - Y) * np.log(1 - q))
    soft = by_hand(logits_of(teacher), student, 2.0).mean()
    assert found["hard_loss"] == pytest.approx(hard, rel=1e-5)
    assert found["soft_loss"] == pytest.approx(soft, rel=1e-5)
    assert found["loss"] == pytest.approx(0.3 * hard + 0.7 * soft, rel=1e-5)
    right = np.mean((student > 0) == Y)
    assert found["accuracy"] == found["weighted_accuracy"] == pytest.approx(right)


def test_it_learns_and_the_teacher_stays_as_it_is(teacher):
    before = [np.copy(each) for each in teacher.get_weights()]
    distiller = Distiller(teacher=teacher, student=model(seed=1), method="multi_label_kd")
    distiller.compile(keras.optimizers.Adam(0.05))
    assert all(each.level != "error" for each in check(distiller, X[:32], Y[:32], (X, Y)))
    distiller.fit(X, Y, epochs=30, verbose=0)
    precision = mean_average_precision(distiller.predict(X, verbose=0), Y)
    assert precision > 0.95
    assert all(map(np.array_equal, before, teacher.get_weights()))


def test_stored_probabilities_in_half_precision_keep_their_complement():
    """1 − p is taken in float32: in float16 it would be 1."""
    p = np.float16(0.0002)
    (logit,) = Targets(teacher_probabilities=ops.array([p])).stored_logits(multi_label=True)
    assert float(logit) == pytest.approx(np.log(float(p) / (1 - float(p))), rel=1e-6)


@pytest.mark.parametrize("kind", ["teacher_logits", "teacher_probabilities"])
def test_stored_targets_train_like_the_teacher(kind, teacher):
    logits = logits_of(teacher).astype("float32")
    stored = logits if kind == "teacher_logits" else sigmoid(logits).astype("float32")
    losses = []
    for distiller, y in (
        (Distiller(teacher=teacher, student=model(seed=1), method="multi_label_kd"), Y),
        (Distiller(student=model(seed=1), method="multi_label_kd"), {"labels": Y, kind: stored}),
    ):
        distiller.compile("sgd")
        losses.append(distiller.fit(X, y, shuffle=False, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_mistakes(teacher):
    several = "or use the method 'multi_label_kd' for several labels per example"
    distiller = Distiller(teacher=model(), student=model(seed=1))
    distiller.compile("sgd")
    with pytest.raises(UserError, match=several):
        distiller.fit(X, Y, verbose=0)
    with pytest.raises(UserError, match="use the method 'multi_label_kd', which has this hard"):
        distiller.compile("sgd", loss="binary_crossentropy")
    distiller = Distiller(teacher=teacher, student=model(seed=1), method="multi_label_kd")
    for loss in (
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        CrossEntropy(),
    ):
        with pytest.raises(UserError, match="is for one class per example; leave loss out"):
            distiller.compile("sgd", loss=loss)
    distiller.compile("sgd")
    with pytest.raises(UserError, match="have values below 0 or above 1; the method 'multi_label"):
        distiller.fit(X, 2 * Y, verbose=0)
    with pytest.raises(UserError, match="methods of one kind"):
        get_method("kd + multi_label_kd")
    inputs = keras.Input((6,))
    hidden = keras.Model(inputs, ops.sigmoid(layers.Dense(3)(inputs)) * 1.0)
    distiller = Distiller(teacher=hidden, student=model(seed=1), method="multi_label_kd")
    distiller.compile("sgd")
    with pytest.raises(UserError, match="are all between 0 and 1; let it return logits, by drop"):
        distiller.fit(X, Y, verbose=0)


def test_the_hard_loss_is_that_of_keras():
    logits = RANDOM.normal(size=(5, 3)).astype("float32")
    wanted = keras.losses.BinaryCrossentropy(from_logits=True)(Y[:5], logits)
    loss = BinaryCrossEntropy()
    assert float(loss(Y[:5], logits)) == pytest.approx(float(wanted), rel=1e-6)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(Y[:5], logits)) == pytest.approx(float(wanted), rel=1e-6)


def test_mean_average_precision_by_hand():
    # Label 0 by falling logit: 1, 0, 1 → precisions 1 and 2/3; label 1: 1, 0, 0 → 1.
    logits = np.array([[3.0, 2.0], [2.0, 1.0], [1.0, 0.0]])
    labels = np.array([[1, 1], [0, 0], [1, 0]])
    assert mean_average_precision(logits, labels) == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    without = np.hstack([labels, np.zeros((3, 1), int)])
    more = np.hstack([logits, np.zeros((3, 1))])
    assert mean_average_precision(more, without) == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    for bad in (labels[:2], labels * 2, labels * 0):
        with pytest.raises(UserError):
            mean_average_precision(logits, bad)

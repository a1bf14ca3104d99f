"""The check before training: every kind of finding, and that it changes nothing."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from distill.checks import Finding, check, stop_if_pointless
from distill.distiller import Distiller
from distill.errors import UserError

RNG = np.random.default_rng(0)
Y = np.arange(200) % 4
X = np.eye(4, dtype="float32")[Y] + RNG.normal(0, 0.05, (200, 4)).astype("float32")


def linear(kernel, name=None):
    """Logits `x @ kernel`, whatever training makes of them."""
    layer = layers.Dense(4, use_bias=False)
    model = keras.Sequential([keras.Input((4,)), layer], name=name)
    layer.set_weights([np.asarray(kernel, "float32")])
    return model


def findings(teacher=None, student=None, x=X, y=Y, accuracy=None, validation=True, **settings):
    distiller = Distiller(
        teacher=teacher or linear(8 * np.eye(4)), student=student or linear(np.eye(4)), **settings
    )
    held_out = (X, Y) if validation else None
    return check(distiller, x[:32], y[:32], held_out, accuracy)


def sentences(found, level):
    return " ".join(finding.sentence for finding in found if finding.level == level)


def test_nothing_to_complain_of():
    found = findings(temperature=4.0, accuracy=0.9)
    assert [finding.level for finding in found] == ["ok", "ok", "ok"]
    assert "validation accuracy is 100.0% (guessing: 25.0%)" in found[0].sentence
    stop_if_pointless(found)


def test_softmax_is_noted():
    teacher = keras.Sequential([*linear(8 * np.eye(4)).layers, layers.Softmax()], name="soft")
    found = findings(teacher=teacher)
    assert "The teacher 'soft' ends in softmax; its logits are used" in sentences(found, "note")


class Probabilities(keras.layers.Layer):
    def call(self, x):
        x = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return x / ops.sum(x, axis=-1, keepdims=True)


def test_hidden_softmax_stops():
    teacher = keras.Sequential([*linear(8 * np.eye(4)).layers, Probabilities()])
    found = findings(teacher=teacher)
    assert "never negative and sum to 1" in sentences(found, "stop")
    with pytest.raises(UserError, match="they are probabilities"):
        stop_if_pointless(found)


def test_labels_beyond_the_classes_stop():
    found = findings(y=Y + 3)
    assert "The labels go up to 6 but the models have 4 classes, 0 to 3" in sentences(found, "stop")


def test_teacher_at_chance_stops():
    found = findings(teacher=linear(np.zeros((4, 4))))
    assert "accuracy is 25.0%, no better than naming" in sentences(found, "stop")


def test_teacher_near_chance_is_noted():
    """32 % of 200 at four classes: p = 0.016 by the binomial test."""
    logits = 8 * np.eye(4)[np.where(np.arange(200) < 64, Y, (Y + 1) % 4)]
    teacher = keras.Sequential([keras.Input((200,)), layers.Dense(4, use_bias=False)])
    teacher.set_weights([logits.astype("float32")])
    student = keras.Sequential([keras.Input((200,)), layers.Dense(4)])
    distiller = Distiller(teacher=teacher, student=student)
    x = np.eye(200, dtype="float32")
    found = check(distiller, x, Y, (x, Y))
    assert "accuracy is 32.0% on 200 images, where always" in sentences(found, "note")
    # A handful of examples never stops a training.
    found = check(distiller, x, Y, (x[190:], Y[190:]))
    assert "accuracy is 0.0% on 10 images" in sentences(found, "note")


def test_teacher_below_the_student_is_noted():
    kernel = 8 * np.eye(4)
    kernel[3] = kernel[2]  # takes the last class for the third
    found = findings(teacher=linear(kernel), accuracy=0.9)
    assert "75.0%, below that of the student from labels (90.0%)" in sentences(found, "note")


def test_nan_stops():
    x = X.copy()
    x[3] = np.nan
    assert "NaN or infinity on the first batch" in sentences(findings(x=x), "stop")


def test_soft_targets_nearly_one_hot_or_uniform():
    assert "At temperature 0.5 the soft targets are nearly one-hot" in sentences(
        findings(temperature=0.5), "note"
    )
    assert "At temperature 500 the soft targets are nearly uniform" in sentences(
        findings(temperature=500.0), "note"
    )


def test_gradient_norms_against_numpy():
    student = linear(RNG.normal(size=(4, 4)))
    found = findings(student=student, alpha=0.25, temperature=2.0)
    x, y = X[:32].astype("float64"), Y[:32]

    def softmax(z):
        z = np.exp(z - z.max(-1, keepdims=True))
        return z / z.sum(-1, keepdims=True)

    logits = x @ student.get_weights()[0].astype("float64")
    hard = x.T @ (softmax(logits) - np.eye(4)[y]) / 32
    soft = x.T @ (2 * (softmax(logits / 2) - softmax(x @ (8 * np.eye(4)) / 2))) / 32
    norms = 0.25 * np.linalg.norm(hard), 0.75 * np.linalg.norm(soft)
    assert f"hard {norms[0]:.2g}, soft {norms[1]:.2g}" in found[-1].sentence


@pytest.mark.parametrize(("alpha", "weak"), [(0.999999, "teacher"), (0.0001, "labels")])
def test_a_loss_that_hardly_counts_is_noted(alpha, weak):
    found = findings(alpha=alpha, student=linear(RNG.normal(size=(4, 4))))
    assert f"the {weak} will hardly count" in sentences(found, "note")


def test_alpha_zero_is_no_mistake():
    assert findings(alpha=0.0)[-1].level == "ok"


def test_one_hot_and_unlabelled():
    plain = findings()
    assert findings(y=np.eye(4)[Y]) == plain
    assert all(finding.level == "ok" for finding in findings(y=np.where(Y == 1, -1, Y)))


def test_nothing_is_changed():
    def network():
        normalization = layers.BatchNormalization()
        return keras.Sequential([keras.Input((4,)), layers.Dense(8), normalization,
                                 layers.Dropout(0.5), layers.Dense(4)])  # fmt: skip

    distiller = Distiller(teacher=network(), student=network())
    before = [np.copy(variable) for variable in distiller.variables]
    check(distiller, X[:32], Y[:32], (X, Y))
    for old, new in zip(before, distiller.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_stop_names_the_first_reason():
    with pytest.raises(UserError, match=r"^first$"):
        stop_if_pointless([Finding("ok", "x"), Finding("stop", "first"), Finding("stop", "2")])

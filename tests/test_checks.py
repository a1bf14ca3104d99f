"""The check before training: every kind of finding, and that it changes nothing."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from distill.checks import Finding, check, raise_on_error
from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import Method

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
    raise_on_error(found)


def test_softmax_gives_a_warning():
    teacher = keras.Sequential([*linear(8 * np.eye(4)).layers, layers.Softmax()], name="soft")
    found = findings(teacher=teacher)
    assert "The teacher 'soft' ends in softmax; its logits are used" in sentences(found, "warning")


class Probabilities(keras.layers.Layer):
    def call(self, x):
        x = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return x / ops.sum(x, axis=-1, keepdims=True)


def test_hidden_softmax_is_an_error():
    teacher = keras.Sequential([*linear(8 * np.eye(4)).layers, Probabilities()])
    found = findings(teacher=teacher)
    assert "never negative and every row sums to 1" in sentences(found, "error")
    with pytest.raises(UserError, match="returns probabilities"):
        raise_on_error(found)


def test_labels_beyond_the_classes_are_an_error():
    found = findings(y=Y + 3)
    assert "The labels go up to 6 but the models have 4 classes, 0 to 3" in sentences(
        found, "error"
    )


def test_teacher_at_chance_is_an_error():
    found = findings(teacher=linear(np.zeros((4, 4))))
    assert "accuracy is 25.0%, no better than always predicting" in sentences(found, "error")


def test_a_teacher_that_the_method_does_not_use_may_know_nothing():
    found = findings(teacher=linear(np.zeros((4, 4))), method="teacher_free")
    assert [finding.level for finding in found] == ["ok"]


def test_a_teacher_with_its_classes_in_another_order_is_an_error():
    order = [2, 0, 1, 3]
    teacher = linear(8 * np.eye(4)[:, order])
    found = sentences(findings(teacher=teacher), "error")
    moved = "output 0 predicts class 2, output 1 predicts class 0, output 2 predicts class 1"
    assert f"in another order than the data's: {moved}; train or save the teacher" in found


def test_teacher_near_chance_gives_a_warning():
    """32 % of 200 at four classes: p = 0.016 by the binomial test."""
    wrong = (Y + 1 + np.arange(200) // 4 % 3) % 4
    logits = 8 * np.eye(4)[np.where(np.arange(200) < 64, Y, wrong)]
    teacher = keras.Sequential([keras.Input((200,)), layers.Dense(4, use_bias=False)])
    teacher.set_weights([logits.astype("float32")])
    student = keras.Sequential([keras.Input((200,)), layers.Dense(4)])
    distiller = Distiller(teacher=teacher, student=student)
    x = np.eye(200, dtype="float32")
    found = check(distiller, x, Y, (x, Y))
    assert "accuracy is 32.0% on 200 examples, where always" in sentences(found, "warning")
    # A handful of examples never stops a training.
    found = check(distiller, x, Y, (x[190:], Y[190:]))
    assert "accuracy is 0.0% on 10 examples" in sentences(found, "warning")


def test_teacher_below_the_student_gives_a_warning():
    kernel = 8 * np.eye(4)
    kernel[3] = kernel[2]  # takes the last class for the third
    found = findings(teacher=linear(kernel), accuracy=0.9)
    assert "75.0%, below that of the baseline (90.0%)" in sentences(found, "warning")


def test_nan_is_an_error():
    x = X.copy()
    x[3] = np.nan
    assert "contain NaN or infinity on the first batch" in sentences(findings(x=x), "error")


def test_soft_targets_nearly_one_hot_or_uniform():
    assert "At temperature 0.5 the soft targets are nearly one-hot" in sentences(
        findings(temperature=0.5), "warning"
    )
    assert "At temperature 500 the soft targets are nearly uniform" in sentences(
        findings(temperature=500.0), "warning"
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
def test_a_loss_that_hardly_counts_gives_a_warning(alpha, weak):
    found = findings(alpha=alpha, student=linear(RNG.normal(size=(4, 4))))
    assert f"the {weak} will hardly count" in sentences(found, "warning")


def test_alpha_zero_is_no_mistake():
    assert findings(alpha=0.0)[-1].level == "ok"


def test_one_hot_and_unlabelled():
    plain = findings()
    assert findings(y=np.eye(4)[Y]) == plain
    assert all(finding.level == "ok" for finding in findings(y=np.where(Y == 1, -1, Y)))


def test_nothing_is_changed():
    def network():
        hidden = layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5)
        return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(4)])

    distiller = Distiller(teacher=network(), student=network())
    before = [np.copy(variable) for variable in distiller.variables]
    check(distiller, X[:32], Y[:32], (X, Y))
    for old, new in zip(before, distiller.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_inputs_that_are_a_dictionary():
    def network():
        inputs = {name: keras.Input((2,), name=name) for name in ("left", "right")}
        x = layers.Concatenate()(list(inputs.values()))
        return keras.Model(inputs, layers.Dense(4)(x))

    x = {"left": X[:, :2], "right": X[:, 2:]}
    teacher = network()
    teacher.layers[-1].set_weights([np.eye(4), np.zeros(4)])
    distiller = Distiller(teacher=teacher, student=network(), method="fitnet")
    found = check(distiller, {name: part[:32] for name, part in x.items()}, Y[:32], (x, Y))
    assert any("validation accuracy" in finding.sentence for finding in found)
    assert "Weighted gradients at the start" in found[-1].sentence


@pytest.mark.parametrize("kind", ["teacher_logits", "teacher_probabilities"])
def test_stored_targets_without_a_teacher(kind):
    """The findings are those of a live teacher with these outputs."""
    student = linear(np.eye(4))
    stored = X @ (8 * np.eye(4, dtype="float32"))
    if kind == "teacher_probabilities":
        stored = np.exp(stored) / np.exp(stored).sum(-1, keepdims=True)
    labels = {"labels": Y, kind: stored}
    some = {name: values[:32] for name, values in labels.items()}
    distiller = Distiller(student=student)
    assert check(distiller, X[:32], some, (X, labels)) == findings(student=student)
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        check(distiller, X[:32], Y[:32])


def test_stored_targets_without_labels():
    distiller = Distiller(student=linear(np.eye(4)), alpha=0.0)
    stored = {"teacher_logits": X @ (8 * np.eye(4, dtype="float32"))}
    assert [finding.level for finding in check(distiller, X, stored)] == ["ok", "ok"]
    distiller.alpha = 0.5
    assert "alpha is 0.5 and there are no labels" in sentences(check(distiller, X, stored), "error")


def test_stored_targets_of_the_other_kind_are_an_error():
    distiller = Distiller(student=linear(np.eye(4)))
    labels = {"labels": Y, "teacher_logits": np.full((200, 4), 0.25)}
    found = sentences(check(distiller, X, labels), "error")
    assert "The stored 'teacher_logits' are probabilities" in found


def test_labels_of_several_classes_are_an_error():
    labels = np.eye(4)[Y]
    labels[5, :] = [1, 0, 1, 0]
    found = sentences(findings(y=labels), "error")
    assert "The labels have rows that do not sum to 1" in found


def test_a_method_with_state_is_not_changed():
    class Counting(Method):
        def build(self, teacher, student):
            self.count = self.add_weight((), "zeros", trainable=False)

        def call(self, teacher, student, batch):
            self.count.assign(self.count + 1.0)
            return keras.ops.mean((teacher.logits - student.logits) ** 2, axis=-1)

    method = Counting()
    distiller = Distiller(teacher=linear(8 * np.eye(4)), student=linear(np.eye(4)), method=method)
    check(distiller, X, Y, (X, Y))
    assert float(method.count) == 0.0


def test_the_error_names_the_first_reason():
    with pytest.raises(UserError, match=r"^first$"):
        raise_on_error([Finding("ok", "x"), Finding("error", "first"), Finding("error", "2")])

"""Contrastive distillation against loops in float64, and its memory."""

import keras
import numpy as np
import pytest
from method_tools import losses, normal, outputs
from small_distillers import X, Y, network

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import CRD, Batch


def method_for(examples=20, negatives=6, **options):
    method = CRD(dimension=5, negatives=negatives, **options)
    method.examples = examples
    return method


def units(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def embedded(method, number, features):
    kernel, bias = (each.astype("float64") for each in method.embeddings[number].get_weights())
    return units(features.reshape(len(features), -1).astype("float64") @ kernel + bias)


def by_loops(method, teacher, student, index):
    """The two contrasts of each example, one score at a time."""
    order, place = np.asarray(method.order), int(method.place)
    others = [order[(place + k) % method.examples] for k in range(method.negatives)]
    memories = [np.asarray(memory, "float64") for memory in method.memories]
    noise, total = method.negatives / method.examples, np.zeros(len(index))
    for number, outputs_ in enumerate((teacher, student)):
        memory = memories[1 - number]
        anchors = embedded(method, number, outputs_.features[0])
        scores = np.exp(anchors @ memory.T / method.tau)
        every = [scores[row, [index[row], *others]] for row in range(len(index))]
        scale = float(method.scales[number]) or np.mean(every) * method.examples
        for row, (positive, *negatives) in enumerate(np.array(every) / scale):
            total[row] -= np.log(positive / (positive + noise + 1e-7))
            total[row] -= sum(np.log(noise / (each + noise + 1e-7)) for each in negatives)
    return total


def test_equals_the_float64_formula_before_and_after_steps():
    method = method_for(weight=2.0)
    teacher, student = outputs((3, 3, 2)), outputs((7,), seed=1)
    for index in ([3, 0, 19, 7], [1, 0, 2, 5]):
        losses(method, teacher, student, index=index)  # builds, and changes nothing
        wanted = by_loops(method, teacher, student, index)
        got = losses(method, teacher, student, index=index, training=True)["crd"]
        np.testing.assert_allclose(got, 2 * wanted, rtol=1e-4)


def test_training_moves_the_memory_of_its_examples_only():
    method = method_for(momentum=0.25)
    teacher, student = outputs((6,)), outputs((7,), seed=1)
    index = [3, 0, 19, 7]
    losses(method, teacher, student, index=index)
    before = [np.array(memory) for memory in method.memories]
    state = [np.array(each) for each in (method.place, method.scales)]
    losses(method, teacher, student, index=index)
    for was, now in zip(state, (method.place, method.scales), strict=True):
        np.testing.assert_array_equal(was, now)
    losses(method, teacher, student, index=index, training=True)
    for number, outputs_ in enumerate((teacher, student)):
        wanted = before[number].astype("float64")
        new = embedded(method, number, outputs_.features[0])
        wanted[index] = units(0.25 * wanted[index] + 0.75 * new)
        np.testing.assert_allclose(method.memories[number], wanted, rtol=1e-4, atol=1e-6)
    assert int(method.place) == 6


def test_all_examples_become_negatives_in_turn():
    method = method_for(examples=10, negatives=4)
    seen = []
    for _ in range(5):
        method(outputs((6,)), outputs((7,)), Batch(index=[0, 1, 2, 3]))
        seen += list(np.asarray(method._negatives(4)))
        losses(method, outputs((6,)), outputs((7,)), index=[0, 1, 2, 3], training=True)
    assert sorted(seen) == sorted(2 * list(range(10)))
    assert seen[:10] != list(range(10))


@pytest.mark.parametrize("jit", [False, True])
def test_compiled_steps_go_on_through_the_order(jit):
    method = CRD(dimension=4, negatives=10)
    distiller = Distiller(teacher=network(16), student=network(), method=method, examples=96)
    distiller.compile(keras.optimizers.Adam(0.01), jit_compile=jit)
    labels = {"labels": Y, "index": np.arange(96)}
    history = distiller.fit(X, labels, batch_size=16, epochs=7, verbose=0)
    assert int(method.place) == 7 * 6 * 10 % 96
    assert np.all(np.asarray(method.scales) > 0)
    first, *_, last = history.history["soft_loss"]
    assert last < first


def test_what_is_missing_or_wrong():
    with pytest.raises(UserError, match=r"give their number with Distiller\(..., examples=len"):
        CRD()(outputs((6,)), outputs((7,)), Batch(index=[0, 1, 2, 3]))
    with pytest.raises(UserError, match="needs the position of each example"):
        method_for()(outputs((6,)), outputs((7,)), Batch(training=True))
    with pytest.raises(UserError, match="compares one layer of each model"):
        CRD(("a", "b"), ("a", "b"))
    for name, value in (("dimension", 0), ("negatives", 1.5), ("tau", 0), ("momentum", 2)):
        with pytest.raises(UserError, match=f"{name} is {value}, and must be"):
            CRD(**{name: value})


def test_validation_data_have_no_positions_and_no_loss():
    assert not np.any(losses(method_for(), outputs((6,)), outputs((7,)))["crd"])


def test_a_student_like_its_teacher_has_less_loss_than_others():
    method = method_for(examples=4, negatives=4)
    teacher = outputs((6,))
    losses(method, teacher, teacher, index=np.arange(4))
    method.embeddings[1].set_weights(method.embeddings[0].get_weights())
    for _ in range(3):
        losses(method, teacher, teacher, index=np.arange(4), training=True)
    alike = losses(method, teacher, teacher, index=np.arange(4))["crd"]
    other = teacher._replace(features=(normal(4, 6, seed=77),))
    assert np.mean(alike) < np.mean(losses(method, teacher, other, index=np.arange(4))["crd"])

"""The teacher made from labels: against NumPy, without labels, without a teacher."""

import keras
import numpy as np
import pytest
from method_tools import logits_pair, losses
from scipy.special import softmax
from scipy.stats import entropy
from small_distillers import X, Y, network

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import TeacherFree


@pytest.mark.parametrize("temperature", [1.0, 20.0])
@pytest.mark.parametrize("shape", [(2, 2), (7, 5), (33, 100)])
def test_equals_float64_formula(shape, temperature):
    teacher, student = logits_pair(*shape)
    labels = np.arange(shape[0]) % shape[1]
    p = np.full(shape, 0.1 / (shape[1] - 1))
    p[np.arange(shape[0]), labels] = 0.9
    p = p ** (1 / temperature) / np.sum(p ** (1 / temperature), axis=-1, keepdims=True)
    q = softmax(student.astype("float64") / temperature, -1)
    got = losses(TeacherFree(correct=0.9), teacher, student, temperature, labels=labels)
    wanted = temperature**2 * entropy(p, q, axis=-1)
    np.testing.assert_allclose(got["teacher_free"], wanted, rtol=1e-5)


def test_examples_without_a_label_have_no_loss():
    teacher, student = logits_pair(4)
    got = losses(TeacherFree(), teacher, student, labels=np.array([1, -1, 2, -1]))
    assert [value > 0 for value in got["teacher_free"]] == [True, False, True, False]
    assert not np.any(losses(TeacherFree(), teacher, student)["teacher_free"])


def test_trains_without_a_teacher():
    distiller = Distiller(student=network(), method="teacher_free", alpha=0.5, temperature=20.0)
    distiller.compile(keras.optimizers.Adam(0.01), metrics=["accuracy"])
    first, *_, last = distiller.fit(X, Y, epochs=4, verbose=0).history["soft_loss"]
    assert last < first


def test_correct_out_of_range():
    for value in (0, 1, "x"):
        with pytest.raises(UserError, match="correct is"):
            TeacherFree(correct=value)

"""The pair as one model: it is the student, the teacher is frozen."""

import keras
import numpy as np
import pytest

from distill.distiller.teacher_student import TeacherStudent
from distill.errors import UserError
from distill.methods import get_method

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def network():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), keras.layers.Dense(3)])


@pytest.fixture
def pair():
    made = TeacherStudent(network(), network(), get_method("fitnet"))
    made.build((None, 4))
    return made


def test_called_it_is_the_student(pair):
    np.testing.assert_array_equal(pair(X), pair.student(X))
    outputs = pair(X, features=True)
    np.testing.assert_array_equal(outputs.features[0], pair.student.layers[0](X))


def test_outputs_of_the_teacher(pair):
    outputs = pair.teacher_outputs(X)
    np.testing.assert_array_equal(outputs.logits, pair.teacher(X))
    np.testing.assert_array_equal(outputs.features[0], pair.teacher.layers[0](X))


def test_only_student_and_method_are_trained(pair):
    trained = {id(variable) for variable in pair.trainable_variables}
    wanted = pair.student.trainable_variables + pair.method.trainable_variables
    assert trained == set(map(id, wanted))
    pair.trainable = False
    assert pair.trainable_variables == []
    assert pair.teacher.trainable


def test_without_a_teacher():
    alone = TeacherStudent(None, network(), get_method("kd"))
    alone.build((None, 4))
    np.testing.assert_array_equal(alone(X), alone.student(X))
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        alone.teacher_outputs(X)

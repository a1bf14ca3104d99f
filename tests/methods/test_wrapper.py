"""A method that holds another: it asks for the same layers, and both are saved."""

import keras
import numpy as np
from method_tools import logits_pair, losses

from distill.methods import FitNet, MultiLabelKD, TeacherFree
from distill.methods.wrapper import Wrapper


@keras.saving.register_keras_serializable(package="distill_tests")
class Doubled(Wrapper):
    def call(self, teacher, student, batch):
        return {name: 2 * part for name, part in self.method(teacher, student, batch).items()}


def test_what_the_other_method_needs():
    hints = Doubled(FitNet("block3", "block2"))
    assert (hints.teacher_layers, hints.student_layers) == (("block3",), ("block2",))
    assert Doubled(MultiLabelKD()).multi_label
    assert Doubled("kd").uses_teacher
    assert not Doubled(TeacherFree()).uses_teacher


def test_comes_back_with_the_other_method():
    method = Doubled(TeacherFree(correct=0.7))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    teacher, student = logits_pair()
    labels = np.arange(7) % 5
    wanted = losses(TeacherFree(correct=0.7), teacher, student, labels=labels)["teacher_free"]
    got = losses(again, teacher, student, labels=labels)["teacher_free"]
    np.testing.assert_allclose(got, 2 * wanted, rtol=1e-6)

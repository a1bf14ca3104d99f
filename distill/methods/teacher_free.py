"""`teacher_free`: a teacher made by hand from the labels, as a control for real teachers."""

import keras
from keras import ops

from distill.errors import check_number
from distill.methods.labels import target_classes
from distill.methods.logits import kd
from distill.methods.method import Method


@keras.saving.register_keras_serializable(package="distill")
class TeacherFree(Method):
    """The method `"teacher_free"`: Hinton's loss with a made-up teacher that knows only the label.

    The made-up teacher gives the label's class the probability `a` and each of the other `K − 1`
    classes `(1 − a) / (K − 1)`. The loss is `kd` with the logarithms of these as the teacher's
    logits. It has the labels' knowledge and the smoothness of soft targets, but no dark knowledge:
    a real teacher should do better. Examples without a label have loss 0. No teacher is run.

    Args:
        correct: the probability `a`, above 0 and below 1.
        **kwargs: as in `Method`.

    Raises:
        UserError: `correct` out of range.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> logits = Outputs([[0.0, 0.0, 0.0]])
        >>> parts = TeacherFree()(logits, logits, Batch(labels=[1]))
        >>> round(float(parts["teacher_free"][0]), 4)
        1.0357

    Reference: Yuan et al. (2020), Revisiting Knowledge Distillation via Label Smoothing
    Regularization, section 4 (Tf-KD by manually designed regularization),
    https://arxiv.org/abs/1909.11723, with temperature 20 and no factor `T²`. Their code divides
    the probabilities by the temperature, in place of their logarithms.
    """

    uses_teacher = False

    def __init__(self, correct: float = 0.99, **kwargs):
        super().__init__(**kwargs)
        self.correct = float(
            check_number("correct", correct, "above 0 and below 1", above=0, most=0.999999)
        )

    def call(self, teacher, student, batch):
        classes = student.logits.shape[-1]
        # Without a label any class will do.
        label = target_classes(batch.labels, student.logits)
        is_label = ops.one_hot(label, classes, dtype="bool")
        probabilities = ops.where(is_label, self.correct, (1 - self.correct) / (classes - 1))
        losses = kd(ops.log(probabilities), student.logits, batch.temperature)
        if batch.labels is None:
            losses = ops.zeros_like(losses)
        elif len(batch.labels.shape) == 1:
            losses = ops.where(batch.labels >= 0, losses, 0.0)
        return {"teacher_free": losses}

    def get_config(self):
        return {**super().get_config(), "correct": self.correct}

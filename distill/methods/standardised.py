"""`standardised`: any method of logits, on logits with mean 0 and standard deviation 1."""

import keras
from keras import ops

from distill.errors import UserError
from distill.methods.method import Method, Outputs
from distill.methods.wrapper import Wrapper


def standardise(logits):
    """Scales the logits of each example to mean 0 and standard deviation 1.

    `(z − mean(z)) / max(std(z), 1e-7)` over the classes, with the standard deviation that divides
    by their number.

    Args:
        logits: float tensor `(batch, classes)`.

    Returns:
        A tensor of the same shape.

    Examples:
        >>> [round(float(x), 4) for x in standardise(ops.array([[3.0, 1.0, 1.0, 3.0]]))[0]]
        [1.0, -1.0, -1.0, 1.0]

    Reference: Sun et al. (2024), Logit Standardization in Knowledge Distillation, algorithm 1,
    https://arxiv.org/abs/2403.01427
    """
    centred = logits - ops.mean(logits, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    # A root has no gradient at zero, which `maximum` keeps away.
    return centred / ops.sqrt(ops.maximum(variance, 1e-14))


@keras.saving.register_keras_serializable(package="distill")
class Standardised(Wrapper):
    """The method `"standardised"`: another method on standardised logits of both models.

    The student then need not match the size of the teacher's logits, only their relations; see
    `standardise`. The parts are those of the other method.

    Args:
        method: a method that compares logits only, or its name.
        **kwargs: as in `Method`.

    Raises:
        UserError: an unknown name, or a method of features.

    Examples:
        >>> parts = Standardised("kd")(Outputs([[4.0, 0.0]]), Outputs([[3.0, 1.0]]))
        >>> float(parts["kd"][0])
        0.0

    Reference: Sun et al. (2024), Logit Standardization in Knowledge Distillation,
    https://arxiv.org/abs/2403.01427, with base temperature 2, and 9 times the weight of the hard
    loss, which is `alpha=0.1`. Their code divides by the number of classes less one instead.
    """

    def __init__(self, method: str | Method = "kd", **kwargs):
        super().__init__(method, **kwargs)
        if self.method.teacher_layers or self.method.student_layers or self.method.multi_label:
            raise UserError(
                f"The method {self.method.name!r} does not compare the logits of one softmax, so "
                "they cannot be standardised; choose a method of logits, such as 'kd'."
            )

    def call(self, teacher, student, batch):
        return self.method(
            Outputs(standardise(teacher.logits)), Outputs(standardise(student.logits)), batch
        )

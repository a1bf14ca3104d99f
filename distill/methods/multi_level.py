"""`multi_level`: predictions compared by example, by pairs of examples and by pairs of classes."""

import keras
from keras import ops

from distill.errors import UserError, check_number
from distill.methods.logits import kd
from distill.methods.method import Method, at_least_float32


def multi_level(teacher_logits, student_logits, temperature):
    """Multi-level logit distillation: predictions, pairs of examples and pairs of classes.

    With `P = softmax(teacher_logits / T)` and `Q = softmax(student_logits / T)`, both `(B, C)`:

    - the instance level, `kd(teacher_logits, student_logits, T)`;
    - the batch level, `1/B · ‖P Pᵀ − Q Qᵀ‖²`; each example has its row's sum;
    - the class level, `1/C · ‖Pᵀ P − Qᵀ Q‖²`; every example gets this one number.

    `‖·‖²` is the sum of all squares.

    Args:
        teacher_logits: float tensor `(batch, classes)`.
        student_logits: float tensor of the same shape.
        temperature: positive scalar `T`.

    Returns:
        The three terms, each `(batch,)`, in float32 at least; their means are the terms above.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]])
        >>> [round(float(term[0]), 4) for term in multi_level(teacher, student, 1.0)]
        [0.3278, 0.0841, 0.1871]

    Reference: Jin, Wang and Lin (2023), Multi-Level Logit Distillation, CVPR, section 3.
    """
    p = ops.softmax(at_least_float32(teacher_logits) / temperature)
    q = ops.softmax(at_least_float32(student_logits) / temperature)
    p_rows, q_rows = ops.transpose(p), ops.transpose(q)
    of_pairs = ops.sum(ops.square(ops.matmul(p, p_rows) - ops.matmul(q, q_rows)), axis=-1)
    of_classes = ops.square(ops.matmul(p_rows, p) - ops.matmul(q_rows, q))
    of_classes = ops.sum(of_classes) / p.shape[-1] * ops.ones_like(of_pairs)
    return kd(teacher_logits, student_logits, temperature), of_pairs, of_classes


@keras.saving.register_keras_serializable(package="distill")
class MultiLevel(Method):
    """The method `"multi_level"`; see `multi_level`. Its parts: `instance`, `batch`, `class`.

    Each part is the sum over several temperatures. The distiller's own temperature does nothing.

    Args:
        temperatures: positive numbers.
        **kwargs: as in `Method`.

    Raises:
        UserError: no temperature, or one that is not above 0.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> method = MultiLevel(temperatures=(1.0, 4.0))
        >>> parts = method(Outputs([[2.0, 0.0]]), Outputs([[0.0, 0.0]]))
        >>> {name: round(float(values[0]), 4) for name, values in parts.items()}
        {'instance': 0.8126, 'batch': 0.085, 'class': 0.2025}

    Reference: Jin, Wang and Lin (2023), Multi-Level Logit Distillation, CVPR. Their code also shows
    the student a weakly and a strongly augmented view, and leaves out examples and classes of
    which the teacher is less certain; this method does neither.
    """

    def __init__(self, temperatures: tuple[float, ...] = (2.0, 3.0, 4.0, 5.0, 6.0), **kwargs):
        super().__init__(**kwargs)
        if not isinstance(temperatures, tuple | list) or not temperatures:
            raise UserError(f"temperatures is {temperatures!r}, and must be one number or more.")
        self.temperatures = [
            float(check_number("temperatures", each, "positive numbers", above=0))
            for each in temperatures
        ]

    def call(self, teacher, student, batch):
        terms = [multi_level(teacher.logits, student.logits, each) for each in self.temperatures]
        names = "instance", "batch", "class"
        return {name: sum(each) for name, each in zip(names, zip(*terms, strict=True), strict=True)}

    def get_config(self):
        return {**super().get_config(), "temperatures": self.temperatures}

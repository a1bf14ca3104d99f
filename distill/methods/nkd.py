"""`nkd`: soft losses of the target class and of the other classes, normalised separately."""

import keras
from keras import ops

from distill.methods.labels import target_classes, without_target
from distill.methods.method import Method, at_least_float32, check_weight


def nkd(teacher_logits, student_logits, target, temperature):
    """Normalised knowledge distillation: a term for the target class, one for the others.

    With `p = softmax(teacher_logits)`, `q = softmax(student_logits)` and target class `c`:

    - `−p_c log q_c`, which no temperature softens;
    - `−T² · Σᵢ p̂ᵢ log q̂ᵢ` over the other classes, where `p̂` and `q̂` are the softmax of their
      logits divided by `T`.

    They are cross-entropies: for a student equal to its teacher they are not zero.

    Args:
        teacher_logits: float tensor `(batch, classes)`.
        student_logits: float tensor of the same shape.
        target: class numbers `(batch,)`.
        temperature: positive scalar `T`.

    Returns:
        Both terms, each `(batch,)`, in float32 at least.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0, 0.0]]), ops.array([[0.0, 0.0, 0.0]])
        >>> [round(float(term[0]), 4) for term in nkd(teacher, student, ops.array([0]), 1.0)]
        [0.8646, 0.6931]

    Reference: Yang et al. (2023), From Knowledge Distillation to Self-Knowledge Distillation: A
    Unified Approach with Normalized Loss and Customized Soft Labels, equation 7,
    https://arxiv.org/abs/2303.13005
    """
    teacher, student = at_least_float32(teacher_logits), at_least_float32(student_logits)
    is_target = ops.one_hot(target, teacher.shape[-1], dtype="bool")
    each = ops.softmax(teacher) * ops.log_softmax(student)
    of_target = -ops.sum(ops.where(is_target, each, 0.0), axis=-1)
    p, log_q = (
        softmax(without_target(logits / temperature, is_target))
        for softmax, logits in ((ops.softmax, teacher), (ops.log_softmax, student))
    )
    of_others = -ops.sum(ops.where(is_target, 0.0, p * log_q), axis=-1)
    return of_target, temperature**2 * of_others


@keras.saving.register_keras_serializable(package="distill")
class NKD(Method):
    """The method `"nkd"`: normalised knowledge distillation; see `nkd`.

    The target class is that of the label, and without a label the one that the teacher predicts.
    Its parts are `target` and `non_target`. The paper uses temperature 1.

    Args:
        weight: weight of the other classes' term, 0 or more (the paper's gamma).
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> teacher, student = Outputs([[2.0, 0.0, 0.0]]), Outputs([[0.0, 0.0, 0.0]])
        >>> parts = NKD()(teacher, student, Batch(labels=[0]))
        >>> {name: round(float(values[0]), 4) for name, values in parts.items()}
        {'target': 0.8646, 'non_target': 1.0397}

    Reference: Yang et al. (2023), https://arxiv.org/abs/2303.13005, whose weight is 1.5.
    """

    def __init__(self, weight: float = 1.5, **kwargs):
        super().__init__(**kwargs)
        self.weight = check_weight(weight)

    def call(self, teacher, student, batch):
        classes = target_classes(batch.labels, teacher.logits)
        target, others = nkd(teacher.logits, student.logits, classes, batch.temperature)
        return {"target": target, "non_target": self.weight * others}

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}

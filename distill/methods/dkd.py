"""`dkd`: Hinton's loss in two parts with weights of their own, the target class and the others."""

import keras
from keras import ops

from distill.methods.labels import target_classes, without_target
from distill.methods.logits import kd
from distill.methods.method import Method, at_least_float32, check_weight


def dkd(teacher_logits, student_logits, target, temperature):
    """Hinton's loss as two terms, for the target class and for the other classes.

    With `p = softmax(teacher_logits / T)`, `q = softmax(student_logits / T)` and target class `c`:

    - `T² · KL((p_c, 1 − p_c) ‖ (q_c, 1 − q_c))`, knowledge of the target class;
    - `T² · KL(p̂ ‖ q̂)`, where `p̂` and `q̂` are `p` and `q` without class `c`, scaled to sum to 1.

    `kd` is the first term plus `1 − p_c` times the second.

    Args:
        teacher_logits: float tensor `(batch, classes)`.
        student_logits: float tensor of the same shape.
        target: class numbers `(batch,)`.
        temperature: positive scalar `T`.

    Returns:
        Both terms, each `(batch,)`, in float32 at least.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0, 0.0]]), ops.array([[0.0, 0.0, 0.0]])
        >>> [round(float(term[0]), 4) for term in dkd(teacher, student, ops.array([0]), 1.0)]
        [0.433, 0.0]

    Reference: Zhao et al. (2022), Decoupled Knowledge Distillation, equation 7,
    https://arxiv.org/abs/2203.08679
    """
    teacher, student = at_least_float32(teacher_logits), at_least_float32(student_logits)
    is_target = ops.one_hot(target, teacher.shape[-1], dtype="bool")
    others = [without_target(logits, is_target) for logits in (teacher, student)]
    # Two logits whose softmax is (p_c, 1 − p_c).
    pairs = [
        ops.stack(
            [
                ops.sum(ops.where(is_target, logits, 0.0), axis=-1) / temperature,
                ops.logsumexp(other / temperature, axis=-1),
            ],
            axis=-1,
        )
        for logits, other in zip((teacher, student), others, strict=True)
    ]
    return temperature**2 * kd(*pairs, 1.0), kd(*others, temperature)


@keras.saving.register_keras_serializable(package="distill")
class DKD(Method):
    """The method `"dkd"`: decoupled knowledge distillation; see `dkd`.

    The target class is that of the label, and without a label the one that the teacher predicts.
    Its parts are `target` and `non_target`.

    Args:
        target_weight: weight of the target class' term, 0 or more (the paper's alpha).
        non_target_weight: weight of the other classes' term, 0 or more (the paper's beta, 1 to 8).
        **kwargs: as in `Method`.

    Raises:
        UserError: a weight out of range.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> teacher, student = Outputs([[2.0, 1.0, 0.0]]), Outputs([[0.0, 0.0, 0.0]])
        >>> parts = DKD()(teacher, student, Batch(labels=[0], temperature=4.0))
        >>> {name: round(float(values[0]), 4) for name, values in parts.items()}
        {'target': 0.2562, 'non_target': 0.9922}

    Reference: Zhao et al. (2022), Decoupled Knowledge Distillation,
    https://arxiv.org/abs/2203.08679. Their code raises both weights from 0 during the first 20
    epochs; `distill.callbacks.Schedule` can do that with alpha.
    """

    def __init__(self, target_weight: float = 1.0, non_target_weight: float = 8.0, **kwargs):
        super().__init__(**kwargs)
        self.target_weight = check_weight(target_weight)
        self.non_target_weight = check_weight(non_target_weight)

    def call(self, teacher, student, batch):
        classes = target_classes(batch.labels, teacher.logits)
        target, others = dkd(teacher.logits, student.logits, classes, batch.temperature)
        return {
            "target": self.target_weight * target,
            "non_target": self.non_target_weight * others,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "target_weight": self.target_weight,
            "non_target_weight": self.non_target_weight,
        }

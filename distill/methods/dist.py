"""`dist`: correlation of the student's and the teacher's predictions, over classes and examples."""

import keras
from keras import ops

from distill.methods.method import Method, at_least_float32, check_weight


def dist(teacher_logits, student_logits, temperature):
    """One minus the correlation of softened probabilities, by example and by class.

    With `P = softmax(teacher_logits / T)` and `Q = softmax(student_logits / T)`, both
    `(batch, classes)`:

    - for each example, `T² · (1 − ρ(P's row, Q's row))`, the relation between the classes;
    - `T² · (1 − ρ(P's column, Q's column))`, averaged over the classes: the relation between the
      examples of the batch. Every example gets this one number.

    `ρ(x, y) = Σ (x − x̄)(y − ȳ) / (‖x − x̄‖ ‖y − ȳ‖ + 1e-8)`, which is 0 for a constant `x`.

    Args:
        teacher_logits: float tensor `(batch, classes)`.
        student_logits: float tensor of the same shape.
        temperature: positive scalar `T`.

    Returns:
        Both terms, each `(batch,)`, in float32 at least.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0], [0.0, 1.0]]), ops.array([[1.0, 0.0]] * 2)
        >>> [[round(float(x), 4) for x in term] for term in dist(teacher, student, 1.0)]
        [[0.0, 2.0], [1.0, 1.0]]

    Reference: Huang et al. (2022), Knowledge Distillation from A Stronger Teacher, equations 7 to
    9, https://arxiv.org/abs/2205.10536, with the factor `T²` of the authors' code.
    """
    p = ops.softmax(at_least_float32(teacher_logits) / temperature)
    q = ops.softmax(at_least_float32(student_logits) / temperature)
    between_classes = temperature**2 * (1.0 - _correlation(p, q, axis=-1))
    between_examples = temperature**2 * ops.mean(1.0 - _correlation(p, q, axis=0))
    return between_classes, between_examples * ops.ones_like(between_classes)


def _correlation(x, y, axis):
    x, y = (values - ops.mean(values, axis=axis, keepdims=True) for values in (x, y))
    # A root has no gradient at zero, which `maximum` keeps away.
    lengths = [
        ops.sqrt(ops.maximum(ops.sum(ops.square(values), axis=axis), 1e-24)) for values in (x, y)
    ]
    return ops.sum(x * y, axis=axis) / (lengths[0] * lengths[1] + 1e-8)


@keras.saving.register_keras_serializable(package="distill")
class DIST(Method):
    """The method `"dist"`; see `dist`. Its parts are `inter_class` and `intra_class`.

    Args:
        inter_weight: weight of the relation between classes, 0 or more (the paper's beta).
        intra_weight: weight of the relation between examples, 0 or more (the paper's gamma).
        **kwargs: as in `Method`.

    Raises:
        UserError: a weight out of range.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> teacher, student = Outputs([[2.0, 0.0], [0.0, 1.0]]), Outputs([[1.0, 0.0]] * 2)
        >>> parts = DIST()(teacher, student)
        >>> {name: round(float(ops.mean(values)), 4) for name, values in parts.items()}
        {'inter_class': 1.0, 'intra_class': 1.0}

    Reference: Huang et al. (2022), Knowledge Distillation from A Stronger Teacher,
    https://arxiv.org/abs/2205.10536
    """

    def __init__(self, inter_weight: float = 1.0, intra_weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.inter_weight = check_weight(inter_weight)
        self.intra_weight = check_weight(intra_weight)

    def call(self, teacher, student, batch):
        inter, intra = dist(teacher.logits, student.logits, batch.temperature)
        return {"inter_class": self.inter_weight * inter, "intra_class": self.intra_weight * intra}

    def get_config(self):
        return {
            **super().get_config(),
            "inter_weight": self.inter_weight,
            "intra_weight": self.intra_weight,
        }

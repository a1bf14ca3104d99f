"""Methods for several labels per example: each label is a yes or no of its own."""

import keras
from keras import ops

from distill.methods.method import Method, at_least_float32, wide_floatx


def multi_label_kd(teacher_logits, student_logits, temperature):
    """Binary divergence of each label, softened by a temperature, averaged over the labels.

    `T² · 1/N · Σᵢ [pᵢ (log pᵢ − log qᵢ) + (1 − pᵢ) (log(1 − pᵢ) − log(1 − qᵢ))]`, where
    `p = sigmoid(teacher_logits / T)`, `q = sigmoid(student_logits / T)`, and `N` is the number of
    labels.

    Args:
        teacher_logits: float tensor `(batch, labels)`, before sigmoid.
        student_logits: float tensor of the same shape.
        temperature: positive scalar `T`.

    Returns:
        One loss for each example, `(batch,)`, in float32 at least.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]])
        >>> round(float(multi_label_kd(teacher, student, 1.0)[0]), 4)
        0.1639

    Reference: the one-versus-all logit distillation of Yang et al. (2023), Multi-Label Knowledge
    Distillation, https://arxiv.org/abs/2308.06453, with the temperature of Hinton et al. (2015).
    """
    teacher = at_least_float32(teacher_logits) / temperature
    student = at_least_float32(student_logits) / temperature
    # With log σ(x) = x − softplus(x) and log(1 − σ(x)) = −softplus(x).
    p = ops.sigmoid(teacher)
    each = p * (teacher - student) + ops.softplus(student) - ops.softplus(teacher)
    return temperature**2 * ops.mean(each, axis=-1)


@keras.saving.register_keras_serializable(package="distill")
class MultiLabelKD(Method):
    """The method `"multi_label_kd"`, with one part of that name; see `multi_label_kd`."""

    multi_label = True

    def call(self, teacher, student, batch):
        losses = multi_label_kd(teacher.logits, student.logits, batch.temperature)
        return {"multi_label_kd": losses}


@keras.saving.register_keras_serializable(package="distill")
class BinaryCrossEntropy(keras.losses.BinaryCrossentropy):
    """The hard loss of several labels per example: Keras' binary cross-entropy of logits.

    `−1/N · Σᵢ [yᵢ log σ(sᵢ) + (1 − yᵢ) log(1 − σ(sᵢ))]` over `N` labels, in float32 at least.
    """

    def __init__(self, name="hard_loss", **kwargs):
        kwargs = {"from_logits": True, "dtype": wide_floatx(), **kwargs}
        super().__init__(name=name, **kwargs)

"""`pkt`: probabilistic knowledge transfer, how probable each example is as a neighbour."""

import keras
from keras import ops

from distill.methods.features import FeatureMethod, flat, unit

_SMALL = 1e-7


def neighbour_probabilities(features):
    """The probability of each example of the batch as a neighbour of each one.

    `pᵢⱼ = kᵢⱼ / Σⱼ kᵢⱼ` with `kᵢⱼ = (cos(xᵢ, xⱼ) + 1) / 2`, itself among them.

    Args:
        features: float tensor `(batch, ...)`.

    Returns:
        A float tensor `(batch, batch)` whose rows sum to 1.

    Examples:
        >>> rows = neighbour_probabilities(ops.array([[1.0, 0.0], [0.0, 2.0]]))
        >>> [round(float(x), 2) for x in rows[0]]
        [0.67, 0.33]
    """
    rows = unit(flat(features))
    kernel = (ops.matmul(rows, ops.transpose(rows)) + 1.0) / 2.0
    return kernel / ops.sum(kernel, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="distill")
class PKT(FeatureMethod):
    """The method `"pkt"`: probabilistic knowledge transfer, with a part of that name.

    `weight · Σⱼ 1/b · Σₖ pᵢₖ log((pᵢₖ + 1e-7) / (qᵢₖ + 1e-7))` for example `i` of `b`, with `p` and
    `q` from `neighbour_probabilities` of the teacher's and the student's features in the `j`-th
    pair of layers. The features may have any shape.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `None`: the penultimate output, the input of the logits' layer.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, or unequal numbers of layers.

    Examples:
        >>> from distill.methods import Outputs
        >>> rows = ops.array([[1.0, 0.0], [0.0, 1.0]]), ops.array([[1.0, 0.0], [1.0, 0.0]])
        >>> teacher, student = (Outputs(ops.zeros((2, 2)), (each,)) for each in rows)
        >>> round(float(PKT(weight=1.0)(teacher, student)["pkt"][0]), 4)
        0.0283

    Reference: Passalis and Tefas (2018), Learning Deep Representations with Probabilistic Knowledge
    Transfer, section 3 (cosine similarity), https://arxiv.org/abs/1803.10837, with the mean over
    pairs of their code and the weight of the comparison by Tian et al. (2020).
    """

    part = "pkt"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = None,
        student_layers: str | tuple[str | None, ...] | None = None,
        weight: float = 30000.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def pair_loss(self, number, teacher, student, batch):
        p, q = neighbour_probabilities(teacher), neighbour_probabilities(student)
        return ops.mean(p * ops.log((p + _SMALL) / (q + _SMALL)), axis=-1)

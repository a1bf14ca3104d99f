"""`sp`: similarity-preserving distillation, which examples of a batch are alike."""

import keras
from keras import ops

from distill.methods.features import FeatureMethod, flat, unit


def similarity_matrix(features):
    """How alike the examples of a batch are: the rows of `A Aᵀ`, scaled to length 1.

    Args:
        features: float tensor `(batch, ...)`, of which `A` has a row for each example.

    Returns:
        A float tensor `(batch, batch)`.

    Examples:
        >>> [round(float(x), 2) for x in similarity_matrix(ops.array([[3.0, 0.0], [4.0, 0.0]]))[0]]
        [0.6, 0.8]
    """
    rows = flat(features)
    return unit(ops.matmul(rows, ops.transpose(rows)))


@keras.saving.register_keras_serializable(package="distill")
class SP(FeatureMethod):
    """The method `"sp"`: similarity-preserving distillation, with a part of that name.

    `weight · Σⱼ 1/b² · ‖G(tⱼ) − G(sⱼ)‖²` over pairs of layers, with `G` from `similarity_matrix`
    and `b` examples in the batch; each example has `1/b` times its row's sum. The features may have
    any shape.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, or unequal numbers of layers.

    Examples:
        >>> from distill.methods import Outputs
        >>> rows = ops.array([[1.0, 0.0], [0.0, 1.0]]), ops.array([[1.0, 0.0], [1.0, 0.0]])
        >>> teacher, student = (Outputs(ops.zeros((2, 2)), (each,)) for each in rows)
        >>> round(float(SP("end", "end", weight=1.0)(teacher, student)["sp"][0]), 4)
        0.2929

    Reference: Tung and Mori (2019), Similarity-Preserving Knowledge Distillation, equations 2 to 4,
    https://arxiv.org/abs/1907.09682; the weight is that of the comparison by Tian et al. (2020),
    which takes the last stage only.
    """

    part = "sp"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 3000.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def pair_loss(self, number, teacher, student, batch):
        of_teacher, of_student = similarity_matrix(teacher), similarity_matrix(student)
        return ops.mean(ops.square(of_teacher - of_student), axis=-1)

"""`ab`: activation boundaries, which neurons of the teacher are active."""

import keras
from keras import ops

from distill.errors import check_number
from distill.methods.features import Connector, MapMethod, of_one_size


def boundary_loss(teacher_maps, student_maps, margin):
    """Squared distance of the student's neurons from the right side of their boundary.

    `Σ (s + m)²` over neurons with `t ≤ 0` and `s > −m`, plus `Σ (s − m)²` over those with `t > 0`
    and `s ≤ m`, for all neurons of an example.

    Args:
        teacher_maps: float tensor `t`, `(batch, height, width, channels)`; a neuron is active if
            it is above 0.
        student_maps: float tensor `s` of the same shape, before the activation.
        margin: positive number `m`.

    Returns:
        One loss for each example, `(batch,)`.

    Examples:
        >>> teacher, student = ops.array([[[[1.0, 0.0]]]]), ops.array([[[[0.5, 0.5]]]])
        >>> float(boundary_loss(teacher, student, 1.0)[0])  # (0.5 - 1)² + (0.5 + 1)²
        2.5

    Reference: Heo et al. (2019), Knowledge Transfer via Distillation of Activation Boundaries
    Formed by Hidden Neurons, equation 6, https://arxiv.org/abs/1811.03233
    """
    is_active = teacher_maps > 0
    side = ops.where(is_active, 1.0, -1.0)
    missing = ops.maximum(margin - side * student_maps, 0.0)
    return ops.sum(ops.square(missing), axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="distill")
class AB(MapMethod):
    """The method `"ab"`: activation boundaries, with a part of that name.

    `weight · Σⱼ 2^(j − n) · boundary_loss(tⱼ, c(sⱼ))` over `n` pairs of layers `j = 1 … n`; see
    `boundary_loss`. The connector `c` is a 1×1 convolution and batch normalisation, trained with
    the student and not part of it. The larger of two maps is averaged down to the size of the
    smaller.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        margin: positive number, how far from its boundary a neuron shall be.
        **kwargs: as in `Method`.

    Raises:
        UserError: a value out of range, unequal numbers of layers, or features that are no maps.

    Examples:
        >>> from distill.methods import Outputs
        >>> teacher = Outputs(ops.zeros((1, 2)), (ops.ones((1, 2, 2, 3)),))
        >>> student = Outputs(ops.zeros((1, 2)), (ops.zeros((1, 2, 2, 5)),))
        >>> float(AB("end", "end", weight=1.0)(teacher, student)["ab"][0])  # 12 neurons, at 0
        12.0

    Reference: Heo et al. (2019), https://arxiv.org/abs/1811.03233. The paper trains on this loss
    first, and on labels after that; here both are trained together. Weight and powers of two are
    those of the comparison by Tian et al. (2020).
    """

    part = "ab"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 0.003,
        margin: float = 1.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)
        self.margin = float(check_number("margin", margin, "a positive number", above=0))

    def build(self, teacher, student):
        super().build(teacher, student)
        pairs = zip(teacher.features, student.features, strict=True)
        self.connectors = [Connector(t[-1], s[-1], self.dtype_policy) for t, s in pairs]

    def pair_loss(self, number, teacher, student, batch):
        of_teacher, of_student = of_one_size(teacher, student)
        of_student = self.connectors[number](of_student, training=batch.training)
        share = 2.0 ** (number + 1 - len(self.connectors))
        return share * boundary_loss(of_teacher, of_student, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}

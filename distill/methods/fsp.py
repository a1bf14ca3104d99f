"""`fsp`: the flow from one layer to the next, as products of their channels."""

import itertools

import keras
from keras import ops

from distill.errors import UserError
from distill.methods.features import MapMethod, of_one_size


def flow_matrix(first, second):
    """Products of the channels of two layers: `G_ij = 1/(h·w) · Σ_positions first_i · second_j`.

    The larger of the two maps is averaged down to the size of the smaller.

    Args:
        first: feature maps `(batch, height, width, m)`.
        second: feature maps `(batch, height, width, n)` of a later layer.

    Returns:
        A float tensor `(batch, m, n)`.

    Examples:
        >>> maps = ops.array([[[[3.0], [1.0]]]]), ops.array([[[[2.0], [4.0]]]])
        >>> float(flow_matrix(*maps)[0, 0, 0])
        5.0

    Reference: Yim et al. (2017), A Gift from Knowledge Distillation, equation 1 (CVPR)
    """
    first, second = of_one_size(first, second)
    return ops.einsum("bhwm,bhwn->bmn", first, second) / (first.shape[1] * first.shape[2])


@keras.saving.register_keras_serializable(package="distill")
class FSP(MapMethod):
    """The method `"fsp"`: flow of solution procedure, with a part of that name.

    `weight · Σⱼ mean((G(tⱼ, tⱼ₊₁) − G(sⱼ, sⱼ₊₁))²)` over neighbouring layers of the list, with `G`
    from `flow_matrix`. Teacher and student need the same numbers of channels in these layers.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, unequal numbers of layers, fewer than two, features that
            are no maps, or unequal numbers of channels.

    Examples:
        >>> from distill.methods import Outputs
        >>> ones = ops.ones((1, 2, 2, 1))
        >>> maps = (ones, ones), (ones, 3 * ones)
        >>> teacher, student = (Outputs(ops.zeros((1, 2)), each) for each in maps)
        >>> float(FSP(("a", "b"), ("a", "b"), weight=1.0)(teacher, student)["fsp"][0])
        4.0

    Reference: Yim et al. (2017), A Gift from Knowledge Distillation: Fast Optimization, Network
    Minimization and Transfer Learning, CVPR. The paper first trains on this loss alone, and then on
    labels alone; here both are trained together, as in the comparison by Tian et al. (2020), whose
    weight this is. The paper takes the largest value where maps are made smaller.
    """

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 50.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def build(self, teacher, student):
        super().build(teacher, student)
        channels = [[shape[-1] for shape in each.features] for each in (teacher, student)]
        if len(channels[0]) < 2 or channels[0] != channels[1]:
            raise UserError(
                f"The method {self.name!r} needs two layers or more with the same numbers of "
                f"channels in teacher and student, and they have {channels[0]} and {channels[1]}; "
                "name such layers with teacher_layers and student_layers, or choose another method."
            )

    def call(self, teacher, student, batch):
        loss = 0.0
        of_both = (itertools.pairwise(each.features) for each in (teacher, student))
        for pairs in zip(*of_both, strict=True):
            of_teacher, of_student = (flow_matrix(*pair) for pair in pairs)
            loss += ops.mean(ops.square(of_teacher - of_student), axis=(1, 2))
        return {"fsp": self.weight * loss}

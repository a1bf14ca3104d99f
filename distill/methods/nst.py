"""`nst`: neuron selectivity transfer, which positions each channel prefers."""

import keras
from keras import ops

from distill.methods.features import MapMethod, of_one_size, unit


def selectivity_loss(teacher_maps, student_maps):
    """Squared maximum mean discrepancy between the channels of two feature maps.

    `mean k(t, t′) + mean k(s, s′) − 2 · mean k(t, s)` over all pairs of channels, with the kernel
    `k(x, y) = (xᵀ y)²`. Each channel is a vector over the positions, scaled to length 1.

    Args:
        teacher_maps: float tensor `(batch, height, width, channels)`.
        student_maps: the same height and width, any number of channels.

    Returns:
        One loss for each example, `(batch,)`.

    Examples:
        >>> maps = ops.array([[[[3.0], [0.0]]]]), ops.array([[[[0.0], [2.0]]]])
        >>> float(selectivity_loss(*maps)[0])
        2.0

    Reference: Huang and Wang (2017), Like What You Like: Knowledge Distill via Neuron Selectivity
    Transfer, section 3.2 (polynomial kernel), https://arxiv.org/abs/1707.01219
    """
    teacher, student = (
        unit(ops.reshape(each, (-1, each.shape[1] * each.shape[2], each.shape[3])), axis=1)
        for each in (teacher_maps, student_maps)
    )

    def mean_of_kernel(x, y):
        products = ops.matmul(ops.transpose(x, (0, 2, 1)), y)
        return ops.mean(ops.square(products), axis=(1, 2))

    own = mean_of_kernel(teacher, teacher) + mean_of_kernel(student, student)
    return own - 2.0 * mean_of_kernel(teacher, student)


@keras.saving.register_keras_serializable(package="distill")
class NST(MapMethod):
    """The method `"nst"`: neuron selectivity transfer, with a part of that name.

    `weight · Σⱼ selectivity_loss(tⱼ, sⱼ)` over pairs of layers; see `selectivity_loss`. The larger
    of two maps is averaged down to the size of the smaller.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, unequal numbers of layers, or features that are no maps.

    Examples:
        >>> from distill.methods import Outputs
        >>> maps = ops.array([[[[3.0], [0.0]]]]), ops.array([[[[0.0], [2.0]]]])
        >>> teacher, student = (Outputs(ops.zeros((1, 2)), (each,)) for each in maps)
        >>> float(NST("end", "end", weight=1.0)(teacher, student)["nst"][0])
        2.0

    Reference: Huang and Wang (2017), https://arxiv.org/abs/1707.01219; the weight is that of the
    comparison by Tian et al. (2020).
    """

    part = "nst"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 50.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def pair_loss(self, number, teacher, student, batch):
        return selectivity_loss(*of_one_size(teacher, student))

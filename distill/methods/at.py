"""`at`: attention transfer, where in the image the features are large."""

import keras
from keras import ops

from distill.methods.features import MapMethod, flat, of_one_size, unit


def attention_map(features):
    """Where feature maps are large: `Q / ‖Q‖` with `Q = Σ_c A_c²`, one value for each position.

    Args:
        features: feature maps `A`, `(batch, height, width, channels)`.

    Returns:
        A float tensor `(batch, height · width)` of rows with length 1.

    Examples:
        >>> [round(float(x), 2) for x in attention_map(ops.array([[[[3.0], [1.0]]]]))[0]]
        [0.99, 0.11]
    """
    return unit(flat(ops.sum(ops.square(features), axis=-1)))


@keras.saving.register_keras_serializable(package="distill")
class AT(MapMethod):
    """The method `"at"`: attention transfer, with a part of that name.

    `weight · Σⱼ 1/n · ‖q(tⱼ) − q(sⱼ)‖²`, where `tⱼ` and `sⱼ` are the feature maps of the `j`-th
    pair of layers, `q` is `attention_map` and `n` its number of positions. The larger of two maps
    is averaged down to the size of the smaller. The numbers of channels may differ.

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
        >>> maps = ops.array([[[[3.0], [1.0]]]]), ops.array([[[[1.0], [3.0]]]])
        >>> teacher, student = (Outputs(ops.zeros((1, 2)), (each,)) for each in maps)
        >>> round(float(AT("end", "end", weight=1.0)(teacher, student)["at"][0]), 4)
        0.7805

    Reference: Zagoruyko and Komodakis (2017), Paying More Attention to Attention, section 3.1,
    https://arxiv.org/abs/1612.03928. As in their code, the mean of the squares stands for the
    paper's norm; the weight is that of the comparison by Tian et al. (2020).
    """

    part = "at"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 1000.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def pair_loss(self, number, teacher, student, batch):
        of_teacher, of_student = map(attention_map, of_one_size(teacher, student))
        return ops.mean(ops.square(of_teacher - of_student), axis=-1)

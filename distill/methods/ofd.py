"""`ofd`: overhaul of feature distillation, a distance that leaves inactive neurons free."""

import keras
from keras import ops

from distill.methods.features import Connector, MapMethod, of_one_size


def partial_distance(teacher_maps, student_maps, margin):
    """Squared distance from the teacher's features, but none where both are below the margin.

    `Σ (s − max(t, m))²` over the neurons of an example, without those where `max(t, m) ≤ 0` and
    `s ≤ max(t, m)`.

    Args:
        teacher_maps: float tensor `t`, `(batch, height, width, channels)`, before the activation.
        student_maps: float tensor `s` of the same shape.
        margin: `m`, a number of 0 or less for each channel, `(channels,)`.

    Returns:
        One loss for each example, `(batch,)`.

    Examples:
        >>> teacher, student = ops.array([[[[2.0, -3.0]]]]), ops.array([[[[1.0, -4.0]]]])
        >>> float(partial_distance(teacher, student, ops.array([-1.0, -1.0]))[0])
        1.0

    Reference: Heo et al. (2019), A Comprehensive Overhaul of Feature Distillation, section 3,
    https://arxiv.org/abs/1904.01866
    """
    target = ops.maximum(teacher_maps, margin)
    is_free = (target <= 0) & (student_maps <= target)
    squares = ops.where(is_free, 0.0, ops.square(student_maps - target))
    return ops.sum(squares, axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="distill")
class OFD(MapMethod):
    """The method `"ofd"`: overhaul of feature distillation, with a part of that name.

    `weight · Σⱼ 2^(j − n) · partial_distance(tⱼ, c(sⱼ), mⱼ)` over `n` pairs of layers `j = 1 … n`;
    see `partial_distance`. The connector `c` is a 1×1 convolution and batch normalisation, trained
    with the student and not part of it. The margin of a channel is the mean of the teacher's
    negative values in the training images so far. The larger of two maps is averaged down to the
    size of the smaller.

    The paper takes features before their activation: name such layers. At the ends of the stages,
    the default, a ReLU has left no negative values, and the margin is 0.

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
        >>> teacher = Outputs(ops.zeros((1, 2)), (ops.ones((1, 2, 2, 3)),))
        >>> student = Outputs(ops.zeros((1, 2)), (ops.zeros((1, 2, 2, 5)),))
        >>> float(OFD("end", "end", weight=1.0)(teacher, student)["ofd"][0])
        12.0

    Reference: Heo et al. (2019), A Comprehensive Overhaul of Feature Distillation,
    https://arxiv.org/abs/1904.01866, with the weight and the powers of two of their code. The paper
    computes the margin from the teacher's batch normalisation.
    """

    part = "ofd"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 0.001,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def build(self, teacher, student):
        super().build(teacher, student)
        pairs = zip(teacher.features, student.features, strict=True)
        self.connectors = [Connector(t[-1], s[-1], self.dtype_policy) for t, s in pairs]
        self.negatives = [  # of each channel: the sum of the negative values and their number
            self.add_weight((2, shape[-1]), "zeros", trainable=False, name=f"negatives_{number}")
            for number, shape in enumerate(teacher.features)
        ]

    def pair_loss(self, number, teacher, student, batch):
        negatives = self.negatives[number]
        is_below = ops.cast(teacher < 0, teacher.dtype)
        below = ops.stack([ops.minimum(teacher, 0.0), is_below])
        seen = negatives + ops.sum(below, axis=(1, 2, 3))
        if batch.training:
            negatives.assign(seen)
        margin = seen[0] / ops.maximum(seen[1], 1.0)
        of_teacher, of_student = of_one_size(teacher, student)
        projected = self.connectors[number](of_student, training=batch.training)
        share = 2.0 ** (number + 1 - len(self.connectors))
        return share * partial_distance(of_teacher, projected, margin)

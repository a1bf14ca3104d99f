"""`vid`: variational information distillation, how well the student predicts the features."""

import math

import keras
from keras import ops

from distill.methods.features import MapMethod, of_one_size

_START, _LEAST = 5.0, 1e-5  # of the variances


@keras.saving.register_keras_serializable(package="distill")
class VID(MapMethod):
    """The method `"vid"`: variational information distillation, with a part of that name.

    `weight · Σⱼ mean(½ [(tⱼ − μⱼ(sⱼ))² / σⱼ² + log σⱼ²])` over positions and channels: the negative
    logarithm of a normal density of the teacher's features. The mean `μⱼ` is a small network of
    three 1×1 convolutions, and each channel has its variance `σ² = softplus(v) + 1e-5`, 5 at the
    start. Both are trained with the student and are not part of it. The loss can be negative.

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
        >>> maps = ops.zeros((1, 2, 2, 3))
        >>> teacher = student = Outputs(ops.zeros((1, 2)), (maps,))
        >>> round(float(VID("end", "end")(teacher, student)["vid"][0]), 4)  # log(5) / 2
        0.8047

    Reference: Ahn et al. (2019), Variational Information Distillation for Knowledge Transfer,
    equations 5 and 6, https://arxiv.org/abs/1904.05835, with the mean over all values, as in the
    comparison by Tian et al. (2020).
    """

    part = "vid"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 1.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

    def build(self, teacher, student):
        super().build(teacher, student)
        self.means, self.raw_variances = [], []
        for number, shapes in enumerate(zip(teacher.features, student.features, strict=True)):
            channels, given = (shape[-1] for shape in shapes)
            units = {"units": channels, "use_bias": False, "dtype": self.dtype_policy}
            mean = [
                keras.layers.Dense(activation="relu", **units),
                keras.layers.Dense(activation="relu", **units),
                keras.layers.Dense(**units),
            ]
            for layer, of_input in zip(mean, (given, channels, channels), strict=True):
                layer.build((None, None, None, of_input))
            self.means.append(mean)
            start = keras.initializers.Constant(math.log(math.expm1(_START - _LEAST)))
            self.raw_variances.append(
                self.add_weight((channels,), start, name=f"raw_variance_{number}")
            )

    def pair_loss(self, number, teacher, student, batch):
        of_teacher, predicted = of_one_size(teacher, student)
        for layer in self.means[number]:
            predicted = layer(predicted)
        variance = ops.softplus(self.raw_variances[number]) + _LEAST
        each = ops.square(of_teacher - predicted) / variance + ops.log(variance)
        return 0.5 * ops.mean(each, axis=(1, 2, 3))

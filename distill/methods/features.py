"""Methods that match features, what the models make of an image before their logits."""

import keras
from keras import ops

from distill.errors import UserError, check_number
from distill.methods.logits import kd
from distill.methods.method import Method, at_least_float32


def hint_loss(teacher_features, student_features):
    """Mean squared difference of features: `1/n · Σᵢ (tᵢ − sᵢ)²` over their `n` values.

    Args:
        teacher_features: float tensor `(batch, ...)`.
        student_features: float tensor of the same shape.

    Returns:
        Float tensor `(batch,)`, in float32 at least.

    Example:

    >>> float(hint_loss(ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]]))[0])
    2.0

    Source: Romero et al. (2015), FitNets: Hints for Thin Deep Nets, equation 3 (there half the
    sum), arXiv:1412.6550.
    """
    difference = at_least_float32(teacher_features) - at_least_float32(student_features)
    return ops.mean(ops.square(difference), axis=tuple(range(1, len(difference.shape))))


@keras.saving.register_keras_serializable(package="distill")
class FitNet(Method):
    """The method `"fitnet"`: Hinton's soft loss, and the teacher's features as a hint.

    `kd(teacher_logits, student_logits, T) + weight · hint_loss(t, r(s))`, where `t` are the
    teacher's features and `s` the student's. The regressor `r` is an affine map of the last axis,
    for feature maps a 1×1 convolution. It gives `s` as many channels as `t` has, is trained
    with the student, and is not part of it.

    The source trains the lower half of the student on the hint first and all of it on `kd`
    afterwards; here both are trained together, as most later comparisons have it.

    Args:
        teacher_layer: the name of the teacher's layer whose output is the hint. `None`: what the
            layer of the logits is called on.
        student_layer: the student's layer that is to give it. `None`: as in the teacher.
        weight: of the hint loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range; features of different height, width or rank.

    Example:

    >>> method = FitNet(weight=2.0)
    >>> logits, features = ops.zeros((1, 3)), ops.ones((1, 8))
    >>> method.build((None, 8), (None, 4))
    >>> hint = {"teacher_features": features, "student_features": ops.zeros((1, 4))}
    >>> float(method(logits, logits, temperature=4.0, **hint)[0])
    2.0

    Source: Romero et al. (2015), FitNets: Hints for Thin Deep Nets, section 2.2, arXiv:1412.6550.
    """

    def __init__(self, teacher_layer=None, student_layer=None, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        for name, layer in (("teacher_layer", teacher_layer), ("student_layer", student_layer)):
            if layer is not None and not isinstance(layer, str):
                raise UserError(f"{name} is {layer!r}, and must be a layer's name, or none.")
        self.hint = teacher_layer, student_layer
        self.weight = float(check_number("weight", weight, "0 or more", least=0))

    def build(self, teacher_features_shape, student_features_shape):
        """Makes the regressor for features of these shapes."""
        teacher, student = tuple(teacher_features_shape), tuple(student_features_shape)
        if len(teacher) < 2 or len(teacher) != len(student) or teacher[1:-1] != student[1:-1]:
            raise UserError(
                f"The hint's features have shape {teacher[1:]} in the teacher and {student[1:]} "
                "in the student; choose layers that differ in the last number only, with "
                "teacher_layer and student_layer."
            )
        self.regressor = keras.layers.Dense(teacher[-1], dtype=self.dtype_policy, name="regressor")
        self.regressor.build(student)

    def call(self, teacher_logits, student_logits, temperature, teacher_features, student_features):
        hint = hint_loss(teacher_features, self.regressor(student_features))
        return kd(teacher_logits, student_logits, temperature) + self.weight * hint

    def get_config(self):
        teacher_layer, student_layer = self.hint
        return {
            **super().get_config(),
            "teacher_layer": teacher_layer,
            "student_layer": student_layer,
            "weight": self.weight,
        }

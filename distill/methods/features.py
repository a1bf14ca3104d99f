"""Methods that match features: outputs of layers before the logits."""

import keras
from keras import ops

from distill.errors import UserError
from distill.methods.logits import kd
from distill.methods.method import Method, at_least_float32, check_weight


def hint_loss(teacher_features, student_features):
    """Mean squared difference of features: `1/n · Σᵢ (tᵢ − sᵢ)²` over the `n` values of an example.

    It is `(batch,)`, in float32 at least.

    Args:
        teacher_features: float tensor `(batch, ...)`.
        student_features: float tensor of the same shape.

    Examples:
        >>> float(hint_loss(ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]]))[0])
        2.0

    Reference: Romero et al. (2015), FitNets: Hints for Thin Deep Nets, equation 3 (half the sum
    there), https://arxiv.org/abs/1412.6550
    """
    difference = at_least_float32(teacher_features) - at_least_float32(student_features)
    return ops.mean(ops.square(difference), axis=tuple(range(1, len(difference.shape))))


@keras.saving.register_keras_serializable(package="distill")
class FitNet(Method):
    """The method `"fitnet"`: Hinton's soft loss, with the teacher's features as hints.

    `kd(teacher_logits, student_logits, T) + weight · Σⱼ hint_loss(tⱼ, rⱼ(sⱼ))`, where `tⱼ` and `sⱼ`
    are the features of the `j`-th pair of layers. Its parts are `kd` and `hint`. The regressor `rⱼ`
    is an affine map of the last axis, which for feature maps is a 1×1 convolution. It gives `sⱼ` as
    many channels as `tⱼ` has. It is trained with the student and is not part of it.

    The paper first trains the lower half of the student on the hint and then the whole student on
    `kd`. Here both are trained together, as in most later comparisons.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers. `None`:
            the penultimate output, the input of the logits' layer.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the hints, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, unequal numbers of layers, or features of different
            height, width or rank.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> logits = ops.zeros((1, 3))
        >>> teacher, student = (Outputs(logits, (values,)) for values in (ops.ones((1, 8)), logits))
        >>> parts = FitNet(weight=2.0)(teacher, student, Batch(temperature=4.0))
        >>> {name: float(values[0]) for name, values in parts.items()}
        {'kd': 0.0, 'hint': 2.0}

    Reference: Romero et al. (2015), FitNets: Hints for Thin Deep Nets, section 2.2,
    https://arxiv.org/abs/1412.6550
    """

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = None,
        student_layers: str | tuple[str | None, ...] | None = None,
        weight: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.teacher_layers = _names("teacher_layers", teacher_layers)
        self.student_layers = _names("student_layers", student_layers)
        if len(self.teacher_layers) != len(self.student_layers):
            raise UserError(
                f"teacher_layers names {len(self.teacher_layers)} layers and student_layers "
                f"{len(self.student_layers)}; name one of each for every pair."
            )
        self.weight = check_weight(weight)

    def build(self, teacher, student):
        self.regressors = []
        for number, shapes in enumerate(zip(teacher.features, student.features, strict=True)):
            of_teacher, of_student = map(tuple, shapes)
            same_rank = len(of_teacher) == len(of_student) >= 2
            if not same_rank or of_teacher[1:-1] != of_student[1:-1]:
                raise UserError(
                    f"The features have shape {of_teacher[1:]} in the teacher and {of_student[1:]} "
                    "in the student; choose layers whose outputs differ in the last number only, "
                    "with teacher_layers and student_layers."
                )
            name = f"regressor_{number}" if number else "regressor"
            regressor = keras.layers.Dense(of_teacher[-1], dtype=self.dtype_policy, name=name)
            regressor.build(of_student)
            self.regressors.append(regressor)

    def call(self, teacher, student, batch):
        triples = zip(teacher.features, student.features, self.regressors, strict=True)
        hint = sum(hint_loss(t, regressor(s)) for t, s, regressor in triples)
        soft = kd(teacher.logits, student.logits, batch.temperature)
        return {"kd": soft, "hint": self.weight * hint}

    def get_config(self):
        return {
            **super().get_config(),
            "teacher_layers": list(self.teacher_layers),
            "student_layers": list(self.student_layers),
            "weight": self.weight,
        }


def _names(argument, value):
    names = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not names or not all(name is None or isinstance(name, str) for name in names):
        raise UserError(
            f"{argument} is {value!r}, and must be a layer's name, several names, or None."
        )
    return names

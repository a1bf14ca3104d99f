"""`cc`: correlation congruence, a kernel between the examples of a batch."""

import math

import keras
from keras import ops

from distill.errors import check_number, check_whole
from distill.methods.features import FeatureMethod, flat, unit


def taylor_kernel(features, gamma, order):
    """A Gaussian kernel between the examples of a batch, as its Taylor series.

    `exp(−γ ‖x − y‖²)` for `x`, `y` of length 1 is `e^(−2γ) · Σₚ (2γ)ᵖ/p! · (xᵀ y)ᵖ`; here `p` goes
    from 0 to `order`.

    Args:
        features: float tensor `(batch, ...)`; each example is scaled to length 1.
        gamma: positive number `γ`.
        order: highest power, 1 or more.

    Returns:
        A float tensor `(batch, batch)`.

    Examples:
        >>> kernel = taylor_kernel(ops.array([[1.0, 0.0], [0.0, 1.0]]), gamma=0.4, order=2)
        >>> [round(float(x), 4) for x in kernel[0]]
        [0.9526, 0.4493]
    """
    rows = unit(flat(features))
    products = ops.matmul(rows, ops.transpose(rows))
    terms = [(2 * gamma) ** p / math.factorial(p) * products**p for p in range(1, order + 1)]
    return math.exp(-2 * gamma) * (1.0 + sum(terms))


@keras.saving.register_keras_serializable(package="distill")
class CC(FeatureMethod):
    """The method `"cc"`: correlation congruence, with a part of that name.

    `weight · Σⱼ 1/b² · ‖K(tⱼ) − K(sⱼ)‖²` over pairs of layers, with `K` from `taylor_kernel` and
    `b` examples in the batch; each example has `1/b` times its row's sum. The features may have
    any shape.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `None`: the penultimate output, the input of the logits' layer.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        gamma: positive number, of the kernel.
        order: highest power of the series, a whole number, 1 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: a value out of range, or unequal numbers of layers.

    Examples:
        >>> from distill.methods import Outputs
        >>> rows = ops.array([[1.0, 0.0], [0.0, 1.0]]), ops.array([[1.0, 0.0], [1.0, 0.0]])
        >>> teacher, student = (Outputs(ops.zeros((2, 2)), (each,)) for each in rows)
        >>> round(float(CC(weight=1.0)(teacher, student)["cc"][0]), 4)
        0.1266

    Reference: Peng et al. (2019), Correlation Congruence for Knowledge Distillation, section 3.3,
    https://arxiv.org/abs/1904.01802, with their `gamma` and `order`. The comparison by Tian et al.
    (2020) has another formula under this name, so its weight of 0.02 does not apply.
    """

    part = "cc"

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = None,
        student_layers: str | tuple[str | None, ...] | None = None,
        weight: float = 1.0,
        gamma: float = 0.4,
        order: int = 2,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)
        self.gamma = float(check_number("gamma", gamma, "a positive number", above=0))
        self.order = check_whole("order", order)

    def pair_loss(self, number, teacher, student, batch):
        of_teacher, of_student = (
            taylor_kernel(each, self.gamma, self.order) for each in (teacher, student)
        )
        return ops.mean(ops.square(of_teacher - of_student), axis=-1)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma, "order": self.order}

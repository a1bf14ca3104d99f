"""`rkd`: relational knowledge distillation, distances and angles between examples."""

import keras
from keras import ops

from distill.methods.features import FeatureMethod, flat, unit
from distill.methods.method import check_weight


def relations(features):
    """Distances between the examples of a batch, and angles that they form.

    - `dᵢⱼ = ‖xᵢ − xⱼ‖ / μ`, where `μ` is the mean of the distances above 0;
    - `aᵢⱼₖ = cos ∠(xⱼ − xᵢ, xₖ − xᵢ)`, 0 where two of the three are equal.

    Args:
        features: float tensor `(batch, ...)`, of which each example is a point `x`.

    Returns:
        Float tensors `(batch, batch)` and `(batch, batch, batch)`.

    Examples:
        >>> points = ops.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
        >>> distances, angles = relations(points)
        >>> round(float(distances[1, 2]), 4), round(float(angles[1, 0, 2]), 4)
        (1.25, 0.6)
    """
    points = flat(features)
    steps = points[None, :] - points[:, None]  # of [i, j]: from i to j
    squares = ops.sum(ops.square(steps), axis=-1)
    # A root has no gradient at zero, where the distance is left out.
    is_apart = squares > 1e-24
    distances = ops.where(is_apart, ops.sqrt(ops.where(is_apart, squares, 1.0)), 0.0)
    pairs = ops.sum(ops.cast(is_apart, distances.dtype))
    mean = ops.sum(distances) / ops.maximum(pairs, 1.0)
    directions = unit(steps)
    angles = ops.matmul(directions, ops.transpose(directions, (0, 2, 1)))
    return distances / ops.maximum(mean, 1e-12), angles


@keras.saving.register_keras_serializable(package="distill")
class RKD(FeatureMethod):
    """The method `"rkd"`: relational knowledge distillation. Its parts are `distance` and `angle`.

    `distance_weight · mean h(dᵢⱼ)` and `angle_weight · mean h(aᵢⱼₖ)` for example `i`, with `d` and
    `a` from `relations`, and Huber's loss `h` between teacher and student: `½ e²` for a difference
    `e` up to 1, `|e| − ½` beyond. Both are summed over pairs of layers. The features may have any
    shape.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers. `None`:
            the penultimate output, the input of the logits' layer.
        student_layers: the same for the student, as many as for the teacher.
        distance_weight: weight of the distances, 0 or more.
        angle_weight: weight of the angles, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: a weight out of range, or unequal numbers of layers.

    Examples:
        >>> from distill.methods import Outputs
        >>> points = ops.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
        >>> teacher, student = (Outputs(points, (each,)) for each in (points, points[::-1] ** 2))
        >>> {name: round(float(part[1]), 2) for name, part in RKD()(teacher, student).items()}
        {'distance': 2.77, 'angle': 0.07}

    Reference: Park et al. (2019), Relational Knowledge Distillation, equations 5 to 9,
    https://arxiv.org/abs/1904.05068, with their weights of 25 and 50 and the means of their code.
    """

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = None,
        student_layers: str | tuple[str | None, ...] | None = None,
        distance_weight: float = 25.0,
        angle_weight: float = 50.0,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, **kwargs)
        self.distance_weight = check_weight(distance_weight)
        self.angle_weight = check_weight(angle_weight)

    def call(self, teacher, student, batch):
        distance = angle = 0.0
        for pair in zip(teacher.features, student.features, strict=True):
            distances, angles = zip(*map(relations, pair), strict=True)
            distance += ops.mean(_huber(*distances), axis=-1)
            angle += ops.mean(_huber(*angles), axis=(1, 2))
        return {"distance": self.distance_weight * distance, "angle": self.angle_weight * angle}

    def get_config(self):
        config = super().get_config()
        del config["weight"]
        return {
            **config,
            "distance_weight": self.distance_weight,
            "angle_weight": self.angle_weight,
        }


def _huber(x, y):
    difference = ops.absolute(x - y)
    return ops.where(difference < 1.0, 0.5 * ops.square(difference), difference - 0.5)

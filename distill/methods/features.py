"""Methods that match features, outputs of layers before the logits: their base, and `fitnet`."""

import math

import keras
from keras import ops

from distill.errors import UserError
from distill.methods.logits import kd
from distill.methods.method import STAGES, Method, at_least_float32, check_weight


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


class FeatureMethod(Method):
    """A method that compares pairs of layers; the base of the files that do.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers. `None`:
            the penultimate output, the input of the logits' layer. `"stages"`: the ends of the
            stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, or unequal numbers of layers.

    Attributes:
        part: the name of the loss, `weight · Σⱼ pair_loss(tⱼ, sⱼ)`.
    """

    part: str

    def __init__(self, teacher_layers=None, student_layers=None, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.teacher_layers = _names("teacher_layers", teacher_layers)
        self.student_layers = _names("student_layers", student_layers)
        if STAGES not in (self.teacher_layers, self.student_layers):
            self._check_pairs()
        self.weight = check_weight(weight)

    def name_stages(self, teacher, student):
        super().name_stages(teacher, student)
        self._check_pairs()

    def _check_pairs(self):
        if len(self.teacher_layers) != len(self.student_layers):
            raise UserError(
                f"teacher_layers names {len(self.teacher_layers)} layers and student_layers "
                f"{len(self.student_layers)}; name one of each for every pair."
            )

    def pair_loss(self, number, teacher, student, batch):
        """Compares the features of one pair of layers; `number` counts the pairs from 0.

        Returns one loss for each example, `(batch,)`. A method whose loss is not a sum over pairs
        implements `call` instead.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement pair_loss or call.")

    def call(self, teacher, student, batch):
        pairs = enumerate(zip(teacher.features, student.features, strict=True))
        total = sum(self.pair_loss(number, *pair, batch) for number, pair in pairs)
        return {self.part: self.weight * total}

    def get_config(self):
        return {
            **super().get_config(),
            "teacher_layers": list(self.teacher_layers),
            "student_layers": list(self.student_layers),
            "weight": self.weight,
        }


@keras.saving.register_keras_serializable(package="distill")
class FitNet(FeatureMethod):
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
        super().__init__(teacher_layers, student_layers, weight, **kwargs)

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


def _names(argument, value):
    names = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not names or not all(name is None or isinstance(name, str) for name in names):
        raise UserError(
            f"{argument} is {value!r}, and must be a layer's name, several names, or None."
        )
    return names


class MapMethod(FeatureMethod):
    """A method that compares feature maps, `(batch, height, width, channels)`, and no others."""

    def build(self, teacher, student):
        for role, outputs in (("teacher", teacher), ("student", student)):
            for shape in outputs.features:
                if len(shape) != 4:
                    raise UserError(
                        f"The method {self.name!r} compares feature maps (batch, height, width, "
                        f"channels), and a layer of the {role} has shape {tuple(shape)}; choose "
                        f"layers before the global pooling, with {role}_layers."
                    )


def of_one_size(teacher_map, student_map):
    """Averages the larger of two feature maps down to the height and width of the smaller one."""
    size = [min(*pair) for pair in zip(teacher_map.shape[1:3], student_map.shape[1:3], strict=True)]
    return tuple(averaged(each, size) for each in (teacher_map, student_map))


def averaged(maps, size):
    """Returns feature maps whose height and width are averaged down to a size, two numbers."""
    height, width = maps.shape[1:3]
    if [height, width] == size:
        return maps
    if height % size[0] == 0 and width % size[1] == 0:
        pool = height // size[0], width // size[1]
        return ops.average_pool(maps, pool, pool, data_format="channels_last")
    return ops.image.resize(maps, size, antialias=True, data_format="channels_last")


def flat(features):
    """Returns features as rows, `(batch, values)`."""
    return ops.reshape(features, (-1, math.prod(features.shape[1:])))


def unit(values, axis=-1):
    """Scales values to length 1 along an axis; zeros stay zeros, with a gradient of zero."""
    squares = ops.sum(ops.square(values), axis=axis, keepdims=True)
    return values * ops.rsqrt(ops.maximum(squares, 1e-24))


class Connector(keras.layers.Layer):
    """A 1×1 convolution and batch normalisation, which give features another number of channels."""

    def __init__(self, channels, given, dtype):
        super().__init__(dtype=dtype)
        self.convolution = keras.layers.Dense(channels, use_bias=False, dtype=dtype)
        self.normalisation = keras.layers.BatchNormalization(dtype=dtype)
        self.convolution.build((None, None, None, given))
        self.normalisation.build((None, None, None, channels))
        self.built = True

    def call(self, features, training=False):
        return self.normalisation(self.convolution(features), training=training)

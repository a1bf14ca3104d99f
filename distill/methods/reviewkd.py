"""`reviewkd`: each stage of the teacher teaches the student's stages from there on."""

import keras
from keras import ops

from distill.methods.features import MapMethod, averaged

_MOST_CHANNELS = 512  # of the maps that are handed from stage to stage
_SIZES = (4, 2, 1)  # to which maps are averaged, with weights 1/2, 1/4, 1/8


def hierarchical_loss(teacher_maps, student_maps):
    """Mean squared difference of feature maps, and of their averages over larger and larger parts.

    `Σₗ wₗ · mean((avgₗ(t) − avgₗ(s))²) / Σₗ wₗ` with the weights 1 for the maps themselves, and
    1/2, 1/4, 1/8 for averages of height and width 4, 2, 1, as far as the maps are larger.

    Args:
        teacher_maps: float tensor `(batch, height, width, channels)`.
        student_maps: float tensor of the same shape.

    Returns:
        One loss for each example, `(batch,)`.

    Examples:
        >>> teacher = ops.reshape(ops.array([1.0, 3.0, 1.0, 3.0]), (1, 2, 2, 1))
        >>> loss = hierarchical_loss(teacher, ops.zeros((1, 2, 2, 1)))
        >>> round(float(loss[0]), 4)  # (5 + 4 / 2) / (1 + 1 / 2)
        4.6667

    Reference: Chen et al. (2021), Distilling Knowledge via Knowledge Review, section 3.4,
    https://arxiv.org/abs/2104.09044
    """
    difference = teacher_maps - student_maps
    loss = ops.mean(ops.square(difference), axis=(1, 2, 3))
    weight = total = 1.0
    for size in _SIZES:
        if size < difference.shape[1]:
            # The mean of a difference is the difference of the means.
            weight /= 2
            total += weight
            parts = averaged(difference, [size, min(size, difference.shape[2])])
            loss += weight * ops.mean(ops.square(parts), axis=(1, 2, 3))
    return loss / total


@keras.saving.register_keras_serializable(package="distill")
class ReviewKD(MapMethod):
    """The method `"reviewkd"`: knowledge review, with a part of that name.

    From the last pair of layers to the first, the student's maps are mixed with what came from
    later layers, and a 3×3 convolution makes maps like the teacher's of them: `weight · Σⱼ
    hierarchical_loss(tⱼ, oⱼ)` with

    - `xⱼ`: the student's maps after a 1×1 convolution to `m` channels and batch normalisation;
    - `rⱼ = a · xⱼ + b · rⱼ₊₁`, where `rⱼ₊₁` is enlarged to the size of `xⱼ`, and the maps `a` and
      `b` are the sigmoid of a 1×1 convolution of both. For the last layer, `rⱼ = xⱼ`;
    - `oⱼ`: `rⱼ`, brought to the size of the teacher's maps, after a 3×3 convolution and batch
      normalisation.

    `m` is the student's number of channels in the last layer, at most 512. All convolutions are
    trained with the student and are not part of it.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers, from input
            to output. `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        **kwargs: as in `Method`.

    Raises:
        UserError: `weight` out of range, unequal numbers of layers, or features that are no maps.

    Examples:
        >>> from distill.methods import Outputs
        >>> teacher = Outputs(ops.zeros((1, 2)), (ops.ones((1, 4, 4, 3)), ops.ones((1, 2, 2, 6))))
        >>> student = Outputs(ops.zeros((1, 2)), (ops.ones((1, 4, 4, 2)), ops.ones((1, 2, 2, 4))))
        >>> list(ReviewKD(("a", "b"), ("a", "b"))(teacher, student))
        ['reviewkd']

    Reference: Chen et al. (2021), Distilling Knowledge via Knowledge Review,
    https://arxiv.org/abs/2104.09044. Their code raises the weight from 0 during the first epochs,
    and also compares the pooled features.
    """

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
        middle = min(_MOST_CHANNELS, student.features[-1][-1])
        self.entries, self.mixers, self.exits = [], [], []
        for of_teacher, of_student in zip(teacher.features, student.features, strict=True):
            self.entries.append(self._convolution(of_student[-1], middle, 1))
            self.exits.append(self._convolution(middle, of_teacher[-1], 3))
            mixer = keras.layers.Dense(2, activation="sigmoid", dtype=self.dtype_policy)
            mixer.build((None, None, None, 2 * middle))
            self.mixers.append(mixer)
        self.mixers.pop()  # the last layer has nothing to mix with

    def _convolution(self, given, channels, size):
        """A convolution without bias, and batch normalisation."""
        convolution = keras.layers.Conv2D(
            channels,
            size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
        normalisation = keras.layers.BatchNormalization(dtype=self.dtype_policy)
        convolution.build((None, None, None, given))
        normalisation.build((None, None, None, channels))
        return [convolution, normalisation]

    def call(self, teacher, student, batch):
        def run(layers, maps):
            convolution, normalisation = layers
            return normalisation(convolution(maps), training=batch.training)

        loss, review = 0.0, None
        for number in reversed(range(len(self.entries))):
            of_teacher = teacher.features[number]
            maps = run(self.entries[number], student.features[number])
            if review is not None:
                review = _resized(review, maps.shape[1:3])
                share = self.mixers[number](ops.concatenate([maps, review], axis=-1))
                maps = maps * share[..., :1] + review * share[..., 1:]
            review = maps
            wanted = _resized(review, of_teacher.shape[1:3])
            loss += hierarchical_loss(of_teacher, run(self.exits[number], wanted))
        return {"reviewkd": self.weight * loss}


def _resized(maps, size):
    """Repeats or leaves out positions, so that maps have this height and width."""
    if tuple(maps.shape[1:3]) == tuple(size):
        return maps
    return ops.image.resize(maps, size, interpolation="nearest", data_format="channels_last")

"""`ft`: factor transfer, a paraphrase of the teacher's features that the student translates."""

import keras
from keras import ops

from distill.errors import check_number
from distill.methods.features import MapMethod, flat, of_one_size, unit


@keras.saving.register_keras_serializable(package="distill")
class FT(MapMethod):
    """The method `"ft"`: factor transfer. Its parts are `factor` and `reconstruction`.

    A paraphraser turns the teacher's feature maps `t` into a factor of fewer channels and back into
    `t̂`; a translator turns the student's `s` into a factor of that shape:

    - `factor`: `weight · mean |u(paraphrase(t)) − u(translation(s))|`, with `u` scaling all values
      of an example to length 1. It teaches student and translator only;
    - `reconstruction`: `mean((t − t̂)²)`, which teaches the paraphraser only.

    Both networks have three 3×3 convolutions with batch normalisation and leaky ReLU (slope 0.1),
    the paraphraser three more for the way back. They are not part of the student. The larger of two
    maps is averaged down to the size of the smaller. Both parts are summed over pairs of layers.

    Args:
        teacher_layers: name of the teacher's layer, or one name for each pair of layers.
            `"stages"`: the ends of the stages of a convolutional model.
        student_layers: the same for the student, as many as for the teacher.
        weight: weight of the loss, 0 or more.
        rate: the factor's channels as a share of the teacher's, above 0 and up to 1.
        **kwargs: as in `Method`.

    Raises:
        UserError: a value out of range, unequal numbers of layers, or features that are no maps.

    Examples:
        >>> from distill.methods import Outputs
        >>> teacher = Outputs(ops.zeros((1, 2)), (ops.ones((1, 4, 4, 6)),))
        >>> student = Outputs(ops.zeros((1, 2)), (ops.ones((1, 4, 4, 3)),))
        >>> sorted(FT("end", "end")(teacher, student))
        ['factor', 'reconstruction']

    Reference: Kim, Park and Kwak (2018), Paraphrasing Complex Network: Network Compression via
    Factor Transfer, section 3, https://arxiv.org/abs/1802.04977. The paper trains the paraphraser
    before; here it learns along with the student. The comparison by Tian et al. (2020), whose
    weight this is, has no paraphraser under this name: it compares mean squared channels.
    """

    def __init__(
        self,
        teacher_layers: str | tuple[str | None, ...] | None = "stages",
        student_layers: str | tuple[str | None, ...] | None = "stages",
        weight: float = 200.0,
        rate: float = 0.5,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)
        self.rate = float(check_number("rate", rate, "above 0 and up to 1", above=0, most=1))

    def build(self, teacher, student):
        super().build(teacher, student)
        self.paraphrasers, self.returns, self.translators = [], [], []
        for of_teacher, of_student in zip(teacher.features, student.features, strict=True):
            channels, given = of_teacher[-1], of_student[-1]
            factor = max(1, round(self.rate * channels))
            self.paraphrasers.append(self._network(channels, channels, factor, factor))
            self.returns.append(self._network(factor, factor, channels, channels))
            self.translators.append(self._network(given, given, factor, factor))

    def _network(self, given, *channels):
        layers = []
        for units in channels:
            layers += [
                keras.layers.Conv2D(
                    units, 3, padding="same", data_format="channels_last", dtype=self.dtype_policy
                ),
                keras.layers.BatchNormalization(dtype=self.dtype_policy),
                keras.layers.LeakyReLU(0.1, dtype=self.dtype_policy),
            ]
            for layer in layers[-3:]:
                layer.build((None, None, None, given))
                given = units
        return layers

    def call(self, teacher, student, batch):
        def run(network, values):
            for layer in network:
                is_norm = isinstance(layer, keras.layers.BatchNormalization)
                values = layer(values, training=batch.training) if is_norm else layer(values)
            return values

        factor = reconstruction = 0.0
        pairs = zip(teacher.features, student.features, strict=True)
        networks = zip(self.paraphrasers, self.returns, self.translators, strict=True)
        for maps, (paraphraser, back, translator) in zip(pairs, networks, strict=True):
            of_teacher, of_student = of_one_size(*maps)
            paraphrase = run(paraphraser, of_teacher)
            again = run(back, paraphrase)
            reconstruction += ops.mean(ops.square(of_teacher - again), axis=(1, 2, 3))
            wanted = unit(flat(ops.stop_gradient(paraphrase)))
            found = unit(flat(run(translator, of_student)))
            factor += ops.mean(ops.absolute(wanted - found), axis=-1)
        return {"factor": self.weight * factor, "reconstruction": reconstruction}

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}

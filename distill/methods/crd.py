"""`crd`: contrastive representation distillation, with a memory of all training examples."""

import keras
import numpy as np
from keras import ops

from distill.errors import UserError, check_number, check_whole
from distill.methods.features import FeatureMethod, flat, unit

_SMALL = 1e-7


def contrast(positive, negatives, examples):
    """The loss that tells one positive pair from many negative ones by noise contrast.

    `−log(u / (u + c)) − Σₖ log(c / (vₖ + c))` with `c = K/N + 1e-7` for `K` negatives and `N`
    examples, where the second numerator is `K/N`.

    Args:
        positive: scores `u` of the positive pairs, `(batch,)`, positive numbers.
        negatives: scores `v` of the negative pairs, `(batch, K)`.
        examples: number `N` of training examples.

    Returns:
        One loss for each example, `(batch,)`.

    Examples:
        >>> round(float(contrast(ops.array([1.0]), ops.array([[0.5, 0.5]]), examples=2)[0]), 4)
        1.5041

    Reference: Tian, Krishnan and Isola (2020), Contrastive Representation Distillation, section
    3.2, https://arxiv.org/abs/1910.10699
    """
    noise = negatives.shape[-1] / examples
    is_pair = ops.log(positive / (positive + noise + _SMALL))
    is_no_pair = ops.log(noise / (negatives + noise + _SMALL))
    return -is_pair - ops.sum(is_no_pair, axis=-1)


@keras.saving.register_keras_serializable(package="distill")
class CRD(FeatureMethod):
    """The method `"crd"`: contrastive representation distillation, with a part of that name.

    Two trained affine maps embed the features of teacher and student in one space, as vectors of
    length 1. Two memories hold an embedding of each training example. The student's embedding shall
    be like the teacher's of the same example, and unlike those of `negatives` others, and the other
    way round: `weight · (contrast of the student with the teachers' memory + contrast of the
    teacher with the students' memory)`, see `contrast`. The score of a pair is `exp(xᵀ y / τ) / Z`;
    `Z` is set in the first training step, so that the mean score is `1 / examples`. After each step
    the memory of the batch becomes `momentum` times itself plus the rest of the new embedding, at
    length 1.

    The distiller needs `examples`, and the labels an entry `index`; see `distill.Distiller`. The
    command line gives both. In evaluation without an index, as on validation data, the loss is 0.

    Args:
        teacher_layers: name of the teacher's layer. `None`: the penultimate output.
        student_layers: the same for the student.
        weight: weight of the loss, 0 or more.
        dimension: length of the embeddings, a whole number, 1 or more.
        negatives: number of negatives for each example, a whole number, 1 or more; at most the
            number of examples is used.
        tau: temperature of the scores, a positive number.
        momentum: share of the old memory, 0 to 1.
        **kwargs: as in `Method`.

    Raises:
        UserError: a value out of range, several layers, or no `examples` or `index`.

    Examples:
        >>> from distill.methods import Batch, Outputs
        >>> method = CRD(dimension=2, negatives=3)
        >>> method.examples = 4
        >>> outputs = Outputs(ops.zeros((2, 3)), (ops.ones((2, 5)),))
        >>> method(outputs, outputs, Batch(index=[0, 3]))["crd"].shape
        TensorShape([2])

    Reference: Tian, Krishnan and Isola (2020), Contrastive Representation Distillation,
    https://arxiv.org/abs/1910.10699, with their values. Their negatives are drawn for each example;
    here all examples of a batch share those of the step, which are a stretch of a random order of
    the training set. The memory is then read once for a batch, and a resumed run goes on as if
    it had not been interrupted.
    """

    def __init__(
        self,
        teacher_layers: str | None = None,
        student_layers: str | None = None,
        weight: float = 0.8,
        dimension: int = 128,
        negatives: int = 16384,
        tau: float = 0.07,
        momentum: float = 0.5,
        **kwargs,
    ):
        super().__init__(teacher_layers, student_layers, weight, **kwargs)
        if len(self.teacher_layers) > 1 or len(self.student_layers) > 1:
            raise UserError("The method 'crd' compares one layer of each model; name one of each.")
        self.dimension = check_whole("dimension", dimension)
        self.negatives = check_whole("negatives", negatives)
        self.tau = float(check_number("tau", tau, "a positive number", above=0))
        self.momentum = float(check_number("momentum", momentum, "from 0 to 1", least=0, most=1))

    def build(self, teacher, student):
        if self.examples is None:
            raise UserError(
                f"The method {self.name!r} remembers each training example; give their number with "
                "Distiller(..., examples=len(x)), and their positions with labels such as "
                "{'labels': y, 'index': numpy.arange(len(x))}."
            )
        self.embeddings = []
        for name, outputs in (("teacher", teacher), ("student", student)):
            embedding = keras.layers.Dense(
                self.dimension, dtype=self.dtype_policy, name=f"embedding_of_{name}"
            )
            embedding.build((None, int(np.prod(outputs.features[0][1:]))))
            self.embeddings.append(embedding)
        shape, still = (self.examples, self.dimension), {"trainable": False}
        limit = (3 / self.dimension) ** 0.5
        start = keras.initializers.RandomUniform(-limit, limit)
        self.memories = [
            self.add_weight(shape, start, name=f"memory_of_{name}", **still)
            for name in ("teacher", "student")
        ]
        order = np.random.default_rng(0).permutation(self.examples)
        self.order = self.add_weight((self.examples,), "zeros", "int32", name="order", **still)
        self.order.assign(order.astype("int32"))
        self.place = self.add_weight((), "zeros", "int32", name="place", **still)
        self.scales = self.add_weight((2,), "zeros", name="scales", **still)

    def call(self, teacher, student, batch):
        if batch.index is None and not batch.training:
            return {"crd": ops.zeros_like(student.logits[:, 0])}
        if batch.index is None:
            raise UserError(
                f"The method {self.name!r} needs the position of each example; give labels such as "
                "{'labels': y, 'index': numpy.arange(len(x))}."
            )
        index = ops.cast(batch.index, "int32")
        embedded = [
            unit(embedding(flat(outputs.features[0])))
            for embedding, outputs in zip(self.embeddings, (teacher, student), strict=True)
        ]
        count = min(self.negatives, self.examples)
        others = self._negatives(count)
        loss, scales = 0.0, []
        # Each model's embedding against the memory of the other one.
        for number, anchor in enumerate(embedded):
            memory = ops.convert_to_tensor(self.memories[1 - number])
            own = ops.take(memory, index, axis=0)
            positive = ops.exp(ops.sum(anchor * own, axis=-1) / self.tau)
            products = ops.matmul(anchor, ops.transpose(ops.take(memory, others, axis=0)))
            negative = ops.exp(products / self.tau)
            mean = (ops.mean(positive) + ops.mean(negative) * count) / (1 + count)
            known = self.scales[number]
            scales.append(ops.where(known > 0, known, ops.stop_gradient(mean) * self.examples))
            loss += contrast(positive / scales[-1], negative / scales[-1], self.examples)
        if batch.training:
            self._remember(index, embedded)
            self.scales.assign(ops.stack(scales))
            self.place.assign((self.place + count) % self.examples)
        return {"crd": self.weight * loss}

    def _negatives(self, count):
        """The next stretch of the random order, which begins again at its end."""
        places = (self.place + ops.arange(count, dtype="int32")) % self.examples
        return ops.take(self.order, places, axis=0)

    def _remember(self, index, embedded):
        for memory, new in zip(self.memories, embedded, strict=True):
            old = ops.take(memory, index, axis=0)
            mixed = unit(self.momentum * old + (1.0 - self.momentum) * ops.stop_gradient(new))
            memory.assign(ops.scatter_update(memory, index[:, None], mixed))

    def get_config(self):
        return {
            **super().get_config(),
            "teacher_layers": self.teacher_layers[0],
            "student_layers": self.student_layers[0],
            "dimension": self.dimension,
            "negatives": self.negatives,
            "tau": self.tau,
            "momentum": self.momentum,
        }

"""`Method`: what the student learns from the teacher. The base of every file in this folder."""

from typing import Any, NamedTuple

import keras
from keras import ops

from distill.errors import UserError, check_number


class Outputs(NamedTuple):
    """What one model produces for a batch.

    Attributes:
        logits: float tensor `(batch, classes)`.
        features: outputs of the layers that the method asks for, in that order.
    """

    logits: Any
    features: tuple = ()


class Batch(NamedTuple):
    """What is known of a batch besides the outputs of the models.

    Attributes:
        labels: class numbers `(batch,)`, negative where there is no label, or probabilities of
            the classes `(batch, classes)`; `None` if the data has no labels.
        index: position of each example in the training set, `(batch,)`; `None` if not given.
        temperature: positive scalar.
        training: whether the student is being trained. State may change only then.
    """

    labels: Any = None
    index: Any = None
    temperature: Any = 1.0
    training: bool = False


# In place of the names of layers: the ends of the model's stages.
STAGES = ("stages",)


@keras.saving.register_keras_serializable(package="distill")
class Method(keras.layers.Layer):
    """A soft loss: how far the student is from the teacher.

    A subclass implements `call`. A method is a Keras layer, so it can have weights: trainable ones
    learn with the student, others change where `call` assigns to them. The distiller drops such
    changes in evaluation. Whatever the precision of the models, a method receives float32 at least.

    Layers within a method do not learn the mode from their surroundings: pass
    `training=batch.training` to those that need it. A method reports its losses as parts;
    `add_loss` is refused.

    Methods combine with weights: `KD() + 100.0 * FitNet()`.

    Attributes:
        teacher_layers: names of the teacher's layers whose outputs `call` receives as
            `teacher.features`. `None` is the penultimate output, the input of the logits' layer.
            The tuple `STAGES` stands for the ends of the model's stages, as many as both models
            have, counted from the last one; see `distill.models.features.stage_layers`.
        student_layers: the same for the student.
        examples: number of training examples, which a distiller sets before `build`; `None` if it
            was not told.
        multi_label: whether each class is a yes or no of its own, with a sigmoid in place of the
            softmax.
        uses_teacher: whether `call` looks at the teacher's outputs. If not, no teacher is run, and
            `call` receives zeros in place of the teacher's logits.

    Examples:
        >>> class AbsoluteDifference(Method):
        ...     def call(self, teacher, student, batch):
        ...         difference = ops.absolute(teacher.logits - student.logits)
        ...         return {"absolute": ops.mean(difference, axis=-1)}
        >>> parts = AbsoluteDifference()(Outputs([[4.0, 0.0]]), Outputs([[1.0, 1.0]]))
        >>> float(parts["absolute"][0])
        2.0
    """

    teacher_layers: tuple[str | None, ...] = ()
    student_layers: tuple[str | None, ...] = ()
    examples: int | None = None
    multi_label: bool = False
    uses_teacher: bool = True

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", wide_floatx())
        super().__init__(**kwargs)

    @property
    def final_activation(self) -> str:
        """What makes probabilities of logits, `"softmax"` or `"sigmoid"`."""
        return "sigmoid" if self.multi_label else "softmax"

    def name_stages(self, teacher: list[str], student: list[str]) -> None:
        """Puts the names of layers in place of `STAGES`, given those of all stages."""
        count = min(len(teacher), len(student))
        if self.teacher_layers == STAGES:
            self.teacher_layers = tuple(teacher[-count:])
        if self.student_layers == STAGES:
            self.student_layers = tuple(student[-count:])

    def build(self, teacher: Outputs, student: Outputs):
        """Creates weights; called once.

        Args:
            teacher: the shapes of the teacher's outputs, such as `(None, 10)`.
            student: the shapes of the student's.
        """

    def call(self, teacher: Outputs, student: Outputs, batch: Batch):
        """Compares the two models on one batch.

        Args:
            teacher: the teacher's outputs.
            student: the student's outputs.
            batch: labels, positions, temperature and mode.

        Returns:
            A dictionary of named parts, each a float tensor `(batch,)`; their sum is the soft loss
            of each example. A single tensor `(batch,)` is one part, named after the method. A part
            that softens logits includes Hinton's factor `temperature²`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement call(teacher, student, batch)."
        )

    # Keras' own `__call__` refuses arguments that mix tensors with Python values.
    def __call__(self, teacher: Outputs, student: Outputs, batch: Batch | None = None):
        dtype = at_least_float32(student.logits).dtype
        teacher, student = _cast(teacher, dtype), _cast(student, dtype)
        batch = Batch() if batch is None else batch
        batch = batch._replace(
            labels=_squeezed(batch.labels),
            index=_squeezed(batch.index),
            temperature=ops.cast(batch.temperature, dtype),
        )
        if not self.built:
            self.build(_shapes(teacher), _shapes(student))
        return self._checked(self.call(teacher, student, batch), student.logits.shape[0])

    def _checked(self, parts, examples):
        parts = parts if isinstance(parts, dict) else {self.name: parts}
        if not parts:
            raise UserError(f"The method {self.name!r} returned no parts; it must return one.")
        checked = {}
        for name, values in parts.items():
            values = ops.convert_to_tensor(values)
            shape = tuple(values.shape)
            if len(shape) != 1 or (None not in (*shape, examples) and shape[0] != examples):
                raise UserError(
                    f"The part {name!r} of the method {self.name!r} has shape {shape}; it must "
                    "have one value per example, shape (batch,): reduce over all other axes."
                )
            checked[name] = values
        return checked

    def add_loss(self, loss):
        raise UserError(
            f"The method {self.name!r} calls add_loss; return the loss of each example as a "
            "part of the dictionary from call instead."
        )

    # `Combination` is a subclass, so its file imports this one.

    def __add__(self, other):
        from distill.methods.combination import Combination

        if not isinstance(other, Method):
            return NotImplemented
        return Combination([self, other])

    def __mul__(self, weight):
        from distill.methods.combination import Combination

        return NotImplemented if isinstance(weight, Method) else Combination([self], [weight])

    __rmul__ = __mul__

    def get_build_config(self):
        config = super().get_build_config()
        if config is None:
            return None
        shapes = (
            config["shapes_dict"].values() if "shapes_dict" in config else config["input_shape"]
        )
        teacher, student = (
            [list(outputs.logits), [list(shape) for shape in outputs.features]]
            for outputs in shapes
        )
        return {"teacher": teacher, "student": student, "examples": self.examples}

    def build_from_config(self, config):
        self.examples = config["examples"]
        teacher, student = (
            Outputs(tuple(logits), tuple(map(tuple, features)))
            for logits, features in (config["teacher"], config["student"])
        )
        self.build(teacher, student)


@keras.saving.register_keras_serializable(package="distill")
class FunctionMethod(Method):
    """A function `(teacher_logits, student_logits, temperature) -> (batch,)` as a method.

    Args:
        function: the function. To load a saved distiller, register the function with
            `keras.saving.register_keras_serializable`.
        **kwargs: as in `Method`.
    """

    def __init__(self, function, **kwargs):
        name = getattr(function, "__name__", "")
        kwargs.setdefault("name", name if name.isidentifier() else "function")  # not "<lambda>"
        super().__init__(**kwargs)
        self.function = function

    def call(self, teacher, student, batch):
        return {self.name: self.function(teacher.logits, student.logits, batch.temperature)}

    def get_config(self):
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        function = keras.saving.deserialize_keras_object(config.pop("function"))
        return cls(function, **config)


@keras.saving.register_keras_serializable(package="distill")
class MeanOverBatch(keras.losses.Loss):
    """Averages given losses with sample weights, over replicas too, as Keras averages its own."""

    def __init__(self):
        super().__init__(name="soft_loss", dtype=wide_floatx())

    def call(self, y_true, y_pred):
        del y_true
        return y_pred


def at_least_float32(x):
    """Casts half precision to float32, in which softmax and its logarithm are safe."""
    x = ops.convert_to_tensor(x)
    is_wide = keras.backend.standardize_dtype(x.dtype) in ("float32", "float64")
    return x if is_wide else ops.cast(x, "float32")


def wide_floatx() -> str:
    """Returns `"float64"` if that is Keras' default precision, otherwise `"float32"`."""
    return "float64" if keras.config.floatx() == "float64" else "float32"


def check_weight(weight) -> float:
    """Returns the weight of a loss, 0 or more, as a float."""
    return float(check_number("weight", weight, "a number, 0 or more", least=0))


def _cast(outputs, dtype):
    logits, *features = (ops.cast(ops.convert_to_tensor(x), dtype) for x in _flat(outputs))
    return Outputs(logits, tuple(features))


def _shapes(outputs):
    logits, *features = (tuple(x.shape) for x in _flat(outputs))
    return Outputs(logits, tuple(features))


def _flat(outputs):
    return outputs.logits, *outputs.features


def _squeezed(values):
    """Columns `(batch, 1)` as `(batch,)`."""
    if values is None:
        return None
    values = ops.convert_to_tensor(values)
    return ops.reshape(values, (-1,)) if tuple(values.shape[1:]) == (1,) else values

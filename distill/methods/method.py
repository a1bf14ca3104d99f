"""`Method`: what the student is asked to match. The base of every file in this folder."""

import keras
from keras import ops

from distill.errors import UserError


@keras.saving.register_keras_serializable(package="distill")
class Method(keras.layers.Layer):
    """A soft loss: what the student pays for differing from the teacher.

    A subclass implements `call`. It is a Keras layer, so that it may hold trainable weights of its
    own, and it computes in float32 whatever the precision of the two models.

    Attributes:
        hint: `None`, or two names, of a layer of the teacher and one of the student, whose
            features the method matches; for a name, `None` means what the layer of the logits is
            called on. `call` then has two further arguments, `teacher_features` and
            `student_features`, and `build` is given their shapes.

    Example:

    >>> class AbsoluteDifference(Method):
    ...     def call(self, teacher_logits, student_logits, temperature):
    ...         difference = (teacher_logits - student_logits) / temperature
    ...         return temperature * ops.mean(ops.absolute(difference), axis=-1)
    >>> method = AbsoluteDifference()
    >>> float(method(ops.array([[4.0, 0.0]]), ops.array([[1.0, 1.0]]), temperature=2.0)[0])
    2.0
    """

    hint: tuple[str | None, str | None] | None = None

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, teacher_logits, student_logits, temperature):
        """Compares the two models on one batch.

        Args:
            teacher_logits: float tensor `(batch, classes)`.
            student_logits: float tensor `(batch, classes)`.
            temperature: positive scalar tensor.

        Returns:
            Float tensor `(batch,)`: the soft loss of each example, with Hinton's `temperature²`
            wherever the method softens anything.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement "
            "call(teacher_logits, student_logits, temperature)."
        )


@keras.saving.register_keras_serializable(package="distill")
class FunctionMethod(Method):
    """One's own function `(teacher_logits, student_logits, temperature) -> (batch,)` as a method.

    Args:
        function: the function. To load a saved distiller, register it with
            `keras.saving.register_keras_serializable`.
    """

    def __init__(self, function, **kwargs):
        name = getattr(function, "__name__", "")
        kwargs.setdefault("name", name if name.isidentifier() else "function")  # not "<lambda>"
        super().__init__(**kwargs)
        self.function = function

    def call(self, teacher_logits, student_logits, temperature):
        losses = ops.convert_to_tensor(self.function(teacher_logits, student_logits, temperature))
        if len(losses.shape) != 1:
            raise UserError(
                f"The soft loss {self.name!r} returned shape {tuple(losses.shape)}; it must return "
                "one value per example, shape (batch,): reduce over the classes (axis=-1) only."
            )
        return losses

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
        super().__init__(name="soft_loss", dtype="float32")

    def call(self, y_true, y_pred):
        del y_true
        return y_pred


def at_least_float32(x):
    """Casts half precision to float32, in which softmax and its logarithm are safe."""
    x = ops.convert_to_tensor(x)
    is_wide = keras.backend.standardize_dtype(x.dtype) in ("float32", "float64")
    return x if is_wide else ops.cast(x, "float32")

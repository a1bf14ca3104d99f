"""The hard loss: cross-entropy of a model's logits with the labels, where there are any."""

import keras
from keras import ops

from distill.errors import UserError, check_number
from distill.methods.method import at_least_float32


@keras.saving.register_keras_serializable(package="distill")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy with logits, for class numbers and for one-hot labels alike.

    `−log softmax(logits)[label]`, averaged over the labelled examples of the batch, in float32.
    A class number below zero (`distill.data.UNLABELLED`) marks an example without a label; one
    beyond the classes makes the loss NaN.

    Args:
        label_smoothing: `ε`, 0 to below 1: the label's class gets the probability
            `1 − ε + ε/classes`, every other `ε/classes` (Szegedy et al., 2016,
            arXiv:1512.00567, section 7).
        name: as in Keras.
        reduction: as in Keras.
        dtype: as in Keras.

    Example:

    >>> loss = CrossEntropy()
    >>> logits = ops.array([[0.0, 0.0], [0.0, 0.0]])
    >>> round(float(loss(ops.array([1, -1]), logits)), 6)
    0.693147
    >>> round(float(loss(ops.array([[0.0, 1.0], [0.5, 0.5]]), logits)), 6)
    0.693147
    """

    def __init__(
        self,
        label_smoothing=0.0,
        name="hard_loss",
        reduction="sum_over_batch_size",
        dtype="float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.label_smoothing = check_number(
            "label_smoothing", label_smoothing, "from 0 to below 1", least=0, most=0.999999
        )

    def call(self, y_true, y_pred):
        logits = at_least_float32(y_pred)
        if len(y_true.shape) == 2 and y_true.shape[-1] != 1:
            if y_true.shape[-1] != logits.shape[-1]:
                raise UserError(
                    f"The labels have {y_true.shape[-1]} columns and the model has "
                    f"{logits.shape[-1]} classes; give one column per class, or class numbers of "
                    "shape (batch,)."
                )
            return keras.losses.categorical_crossentropy(
                y_true, logits, from_logits=True, label_smoothing=self.label_smoothing
            )
        labels = ops.reshape(y_true, (-1,))
        # TensorFlow breaks off on such a label on a CPU; here it gives NaN everywhere.
        is_class = labels < logits.shape[-1]
        labels = ops.where(is_class, ops.maximum(labels, -1), 0)
        logits = ops.where(is_class[:, None], logits, float("nan"))
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True, ignore_class=-1
        )
        if not self.label_smoothing:
            return losses
        # Cross-entropy with the even distribution, under the same mask.
        evenly = -ops.mean(ops.log_softmax(logits), axis=-1)
        smoothed = (1 - self.label_smoothing) * losses + self.label_smoothing * evenly
        smoothed = ops.where(labels >= 0, smoothed, 0.0)
        smoothed._keras_mask = losses._keras_mask
        return smoothed

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def label_weights(y_true, sample_weight=None):
    """Weights for metrics: `sample_weight`, and 0 for examples without a label."""
    if y_true is None or (len(y_true.shape) == 2 and y_true.shape[-1] != 1):
        return sample_weight
    has_label = ops.cast(ops.reshape(y_true, (-1,)) >= 0, "float32")
    if sample_weight is None:
        return has_label
    return has_label * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))


def resolve_hard_loss(loss):
    """Turns what `compile(loss=...)` was given into a loss that takes logits.

    Args:
        loss: `None` (cross-entropy, see `CrossEntropy`), the name of a cross-entropy, or a
            `keras.losses.Loss` or function of `(labels, logits)`.

    Returns:
        The loss.

    Raises:
        UserError: `loss` takes probabilities (`from_logits=False`).
    """
    names = ("sparse_categorical_crossentropy", "categorical_crossentropy", "crossentropy")
    if loss is None or loss in names:
        return CrossEntropy()
    takes_logits = getattr(loss, "get_config", dict)().get("from_logits")
    if takes_logits is None:
        takes_logits = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    if takes_logits is False:
        raise UserError(
            f"The loss {loss.name!r} was made with from_logits=False, but the student is trained "
            "on its logits: make it with from_logits=True, or leave loss out."
        )
    return loss

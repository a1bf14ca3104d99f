"""The hard loss: cross-entropy between labels and logits, on the labelled examples."""

import keras
from keras import ops
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask

from distill.errors import UserError, check_number
from distill.methods.method import at_least_float32, wide_floatx
from distill.methods.multi_label import BinaryCrossEntropy


@keras.saving.register_keras_serializable(package="distill")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy between labels and logits, for class numbers and for one-hot labels.

    `−log softmax(logits)[label]`, averaged over the labelled examples of the batch. A negative
    class number (`distill.data.UNLABELLED`) marks an example without a label. A class number
    beyond the classes makes the loss NaN.

    Args:
        label_smoothing: `ε`, at least 0 and below 1: the label's class gets the probability
            `1 − ε + ε/classes`, and every other class `ε/classes`.
        name, reduction, dtype: as in Keras; the default precision is float32 at least.

    Examples:
        >>> loss = CrossEntropy()
        >>> logits = ops.array([[0.0, 0.0], [0.0, 0.0]])
        >>> round(float(loss(ops.array([1, -1]), logits)), 6)
        0.693147
        >>> round(float(loss(ops.array([[0.0, 1.0], [0.5, 0.5]]), logits)), 6)
        0.693147

    Reference: label smoothing is section 7 of Szegedy et al. (2016), Rethinking the Inception
    Architecture for Computer Vision, https://arxiv.org/abs/1512.00567
    """

    def __init__(
        self,
        label_smoothing=0.0,
        name="hard_loss",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype or wide_floatx())
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
        # TensorFlow raises an error for such a label on a CPU but not on a GPU.
        is_class = labels < logits.shape[-1]
        labels = ops.where(is_class, ops.maximum(labels, -1), 0)
        logits = ops.where(is_class[:, None], logits, float("nan"))
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True, ignore_class=-1
        )
        if not self.label_smoothing:
            return losses
        uniform = -ops.mean(ops.log_softmax(logits), axis=-1)
        smoothed = (1 - self.label_smoothing) * losses + self.label_smoothing * uniform
        smoothed = ops.where(labels >= 0, smoothed, 0.0)
        # The mask of labelled examples, by which Keras averages; it has no public name.
        set_keras_mask(smoothed, get_keras_mask(losses))
        return smoothed

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def label_weights(y_true, sample_weight=None):
    """Returns weights for metrics: `sample_weight`, and 0 for examples without a label."""
    if y_true is None or (len(y_true.shape) == 2 and y_true.shape[-1] != 1):
        return sample_weight
    has_label = ops.cast(ops.reshape(y_true, (-1,)) >= 0, "float32")
    if sample_weight is None:
        return has_label
    return has_label * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))


def target_classes(labels, teacher_logits):
    """Returns the class of each example, `(batch,)`: of its label, or the teacher's without one."""
    predicted = ops.argmax(teacher_logits, axis=-1)
    if labels is None:
        return predicted
    if len(labels.shape) == 2:
        return ops.argmax(labels, axis=-1)
    labels = ops.cast(labels, predicted.dtype)
    return ops.where(labels >= 0, labels, predicted)


def without_target(logits, is_target):
    """Returns logits whose softmax gives the target classes, marked by `is_target`, nothing."""
    return ops.where(is_target, -1e30, logits)


def resolve_hard_loss(loss, multi_label=False):
    """Returns a loss of labels and logits from the argument of `compile(loss=...)`."""
    names = ("sparse_categorical_crossentropy", "categorical_crossentropy", "crossentropy")
    single = (
        CrossEntropy,
        keras.losses.CategoricalCrossentropy,
        keras.losses.SparseCategoricalCrossentropy,
    )
    if loss is None or (multi_label and loss == "binary_crossentropy"):
        return BinaryCrossEntropy() if multi_label else CrossEntropy()
    if multi_label and isinstance(loss, (str, *single)):
        raise UserError(
            f"The loss {getattr(loss, 'name', loss)!r} is for one class per example; leave loss "
            "out, or give keras.losses.BinaryCrossentropy(from_logits=True)."
        )
    if loss in names:
        return CrossEntropy()
    if loss == "binary_crossentropy":
        raise UserError(
            "The loss 'binary_crossentropy' is for several labels per example; use the method "
            "'multi_label_kd', which has this hard loss, and leave loss out."
        )
    takes_logits = getattr(loss, "get_config", dict)().get("from_logits")
    if takes_logits is None:
        takes_logits = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    if takes_logits is False:
        raise UserError(
            f"The loss {loss.name!r} has from_logits=False, but the student is trained on its "
            "logits: set from_logits=True, or leave loss out."
        )
    return loss

"""Methods that match the last layer: the logits, or probabilities made from them.

The functions take float logits `(batch, classes)` and a positive scalar, the temperature `T`. They
return one loss per example, `(batch,)`, in float32 at least.
"""

import keras
from keras import ops

from distill.methods.method import Method, at_least_float32


def kd(teacher_logits, student_logits, temperature):
    """Hinton's soft loss: the KL divergence between softened teacher and softened student.

    `T² · KL(p ‖ q) = T² · Σᵢ pᵢ (log pᵢ − log qᵢ)`, where `p = softmax(teacher_logits / T)` and
    `q = softmax(student_logits / T)`. The gradient with respect to a student's logit is
    `T (qᵢ − pᵢ)`: with the factor `T²` it keeps its magnitude as `T` grows.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]])
        >>> round(float(kd(teacher, student, 1.0)[0]), 4)
        0.3278

    Reference: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network,
    section 2, https://arxiv.org/abs/1503.02531
    """
    log_p = ops.log_softmax(at_least_float32(teacher_logits) / temperature)
    log_q = ops.log_softmax(at_least_float32(student_logits) / temperature)
    # The float32 sum Σ pᵢ (log pᵢ − log qᵢ) suffers from cancellation at high temperature: at T=100
    # it is wrong by several per cent, or negative, for a student close to its teacher. Both p and q
    # sum to one, so Σ (qᵢ − pᵢ − pᵢ log(qᵢ/pᵢ)) is the same number, and has no negative term.
    p, log_ratio = ops.exp(log_p), log_q - log_p
    close = p * (ops.expm1(ops.minimum(log_ratio, 1.0)) - log_ratio)
    far = ops.exp(log_q) - p * (1.0 + log_ratio)
    return temperature**2 * ops.sum(ops.where(log_ratio < 1.0, close, far), axis=-1)


def mse_logits(teacher_logits, student_logits, temperature=1.0):
    """Mean squared difference of the logits: `1/N · Σᵢ (tᵢ − sᵢ)²` over `N` classes.

    Unlike `kd`, it also matches the mean of the teacher's logits, which softmax ignores. For logits
    with mean zero it is twice the limit of `kd` at high temperature.

    `temperature` is ignored; nothing is softened.

    Examples:
        >>> float(mse_logits(ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]]))[0])
        2.0

    Reference: Ba and Caruana (2014), Do Deep Nets Really Need to be Deep?, section 2.3 (half the
    sum there), https://arxiv.org/abs/1312.6184
    """
    del temperature
    difference = at_least_float32(teacher_logits) - at_least_float32(student_logits)
    return ops.mean(ops.square(difference), axis=-1)


def mse_probabilities(teacher_logits, student_logits, temperature):
    """Mean squared difference of the softened probabilities: `T² · 1/N · Σᵢ (pᵢ − qᵢ)²`.

    `p = softmax(teacher_logits / T)`, `q = softmax(student_logits / T)`, `N` classes. The
    gradient of the plain mean falls with `1/T²`, as for `kd`, hence the same factor.

    Examples:
        >>> teacher, student = ops.array([[100.0, 0.0]]), ops.array([[0.0, 0.0]])
        >>> float(mse_probabilities(teacher, student, 1.0)[0])
        0.25

    Reference: the Brier score (Brier, 1950, Verification of Forecasts Expressed in Terms of
    Probability) with the teacher's probabilities in place of the labels, and the temperature of
    Hinton et al. (2015), https://arxiv.org/abs/1503.02531
    """
    p = ops.softmax(at_least_float32(teacher_logits) / temperature)
    q = ops.softmax(at_least_float32(student_logits) / temperature)
    return temperature**2 * ops.mean(ops.square(p - q), axis=-1)


def hard_label(teacher_logits, student_logits, temperature=1.0):
    """Cross-entropy with the class that the teacher predicts: `−log softmax(s)[argmaxᵢ tᵢ]`.

    The student learns the teacher's decision and nothing about the other classes. If several
    logits are equally large, the first one counts.

    `temperature` is ignored; nothing is softened.

    Examples:
        >>> teacher, student = ops.array([[2.0, 0.0]]), ops.array([[0.0, 0.0]])
        >>> round(float(hard_label(teacher, student)[0]), 4)
        0.6931

    Reference: Touvron et al. (2021), Training data-efficient image transformers & distillation
    through attention, section 4 (hard-label distillation), https://arxiv.org/abs/2012.12877
    """
    del temperature
    predicted = ops.argmax(teacher_logits, axis=-1)
    return ops.sparse_categorical_crossentropy(
        predicted, at_least_float32(student_logits), from_logits=True
    )


@keras.saving.register_keras_serializable(package="distill")
class KD(Method):
    """The method `"kd"`, with one part of that name; see `kd`."""

    def call(self, teacher, student, batch):
        return {"kd": kd(teacher.logits, student.logits, batch.temperature)}


@keras.saving.register_keras_serializable(package="distill")
class MSELogits(Method):
    """The method `"mse_logits"`, with one part of that name; see `mse_logits`."""

    def call(self, teacher, student, batch):
        return {"mse_logits": mse_logits(teacher.logits, student.logits)}


@keras.saving.register_keras_serializable(package="distill")
class MSEProbabilities(Method):
    """The method `"mse_probabilities"`, with one part of that name; see `mse_probabilities`."""

    def call(self, teacher, student, batch):
        losses = mse_probabilities(teacher.logits, student.logits, batch.temperature)
        return {"mse_probabilities": losses}


@keras.saving.register_keras_serializable(package="distill")
class HardLabel(Method):
    """The method `"hard_label"`, with one part of that name; see `hard_label`."""

    def call(self, teacher, student, batch):
        return {"hard_label": hard_label(teacher.logits, student.logits)}

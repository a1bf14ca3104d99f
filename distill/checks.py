"""The check before training: what would make a distillation pointless, found in seconds."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest

from distill.distiller import Distiller
from distill.errors import UserError
from distill.models.logits import ends_in_softmax

_NEARLY = 0.99  # of the highest possible: where soft targets are called one-hot or uniform
_ENOUGH = 50  # validation examples, with fewer of which an accuracy says little
_LOPSIDED = 100.0  # ratio of gradient norms beyond which one loss hardly counts


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing the check found.

    Attributes:
        level: `"ok"`, `"note"` (training goes on) or `"stop"` (it would be in vain).
        sentence: what was found, and what to do about it.
    """

    level: str
    sentence: str


def check(
    distiller: Distiller, x, y, validation=None, student_accuracy: float | None = None
) -> list[Finding]:
    """Looks for what would make a distillation pointless; changes nothing.

    Args:
        distiller: the distiller about to be trained.
        x: one batch of inputs.
        y: its labels, class numbers `(batch,)` (negative: unlabelled) or one-hot.
        validation: `(inputs, labels)` held out from training, for the teacher's accuracy.
        student_accuracy: validation accuracy, 0 to 1, of the same student trained from labels.

    Returns:
        The findings, in the order in which they were looked for.

    Example:

    >>> from keras import Sequential, layers
    >>> models = [Sequential([keras.Input((4,)), layers.Dense(3)]) for _ in range(2)]
    >>> distiller = Distiller(teacher=models[0], student=models[1], temperature=1000.0)
    >>> findings = check(distiller, np.ones((2, 4), "float32"), np.array([0, 1]))
    >>> findings[0].level, findings[0].sentence.split(";")[0]
    ('note', 'At temperature 1000 the soft targets are nearly uniform')
    """
    x = ops.convert_to_tensor(x)
    y = _class_numbers(y)
    teacher_logits = np.asarray(distiller.teacher_logits(x), dtype="float64")
    findings = [*_softmax_findings(distiller), *_label_findings(y, teacher_logits.shape[-1])]
    findings += _logit_findings(teacher_logits)
    if validation is not None and len(validation[1]):
        findings += _teacher_findings(distiller, *validation, student_accuracy)
    findings += _soft_target_findings(teacher_logits, distiller.temperature)
    if not any(finding.level == "stop" for finding in findings):
        findings += _gradient_findings(distiller, x, y)
    return findings


def stop_if_pointless(findings: list[Finding]) -> None:
    """Raises a `UserError` with the sentence of the first finding that says stop."""
    for finding in findings:
        if finding.level == "stop":
            raise UserError(finding.sentence)


def _class_numbers(y):
    y = np.asarray(y)
    return np.argmax(y, axis=-1) if y.ndim == 2 and y.shape[-1] > 1 else y.reshape(-1)


def _softmax_findings(distiller):
    for role, model in (("teacher", distiller.teacher), ("student", distiller.student)):
        if ends_in_softmax(model):
            yield Finding(
                "note", f"The {role} {model.name!r} ends in softmax; its logits are used instead."
            )


def _label_findings(y, classes):
    if y.size and y.max() >= classes:
        yield Finding(
            "stop",
            f"The labels go up to {y.max()} but the models have {classes} classes, 0 to "
            f"{classes - 1}; give both models as many classes as the data.",
        )


def _logit_findings(logits):
    if not np.all(np.isfinite(logits)):
        yield Finding(
            "stop",
            "The teacher's logits hold NaN or infinity on the first batch; look for them in the "
            "inputs and in the teacher's weights.",
        )
    elif np.all(logits >= 0) and np.allclose(logits.sum(axis=-1), 1.0, atol=1e-3):
        yield Finding(
            "stop",
            "The teacher's outputs are never negative and sum to 1, so they are probabilities; "
            "let it return logits, by dropping its final softmax.",
        )


def _teacher_findings(distiller, inputs, labels, student_accuracy):
    labels = _class_numbers(labels)
    batches = [inputs[start : start + 256] for start in range(0, len(labels), 256)]
    logits = np.concatenate([np.asarray(distiller.teacher_logits(batch)) for batch in batches])
    correct = int(np.sum(np.argmax(logits, axis=-1) == labels))
    accuracy = correct / len(labels)
    guessing = np.bincount(labels).max() / len(labels)
    by_luck = binomtest(correct, len(labels), guessing, alternative="greater").pvalue
    shown = f"The teacher's validation accuracy is {accuracy:.1%}"
    if by_luck > 0.05 and len(labels) >= _ENOUGH:
        yield Finding(
            "stop",
            f"{shown}, no better than naming the most frequent class always ({guessing:.1%}): it "
            "is untrained, or its classes or its pixel scale are others than the data's.",
        )
    elif by_luck > 0.001:
        yield Finding(
            "note",
            f"{shown} on {len(labels)} images, where always naming the most frequent class gives "
            f"{guessing:.1%}; it may know next to nothing.",
        )
    elif student_accuracy is not None and accuracy < student_accuracy:
        yield Finding(
            "note", f"{shown}, below that of the student from labels ({student_accuracy:.1%})."
        )
    else:
        yield Finding("ok", f"{shown} (guessing: {guessing:.1%}).")


def _soft_target_findings(logits, temperature):
    if not np.all(np.isfinite(logits)):
        return
    probabilities = softmax(logits / temperature, axis=-1)
    entropy = -np.sum(probabilities * log_softmax(logits / temperature, axis=-1), axis=-1)
    highest, spread = probabilities.max(axis=-1).mean(), entropy.mean() / np.log(logits.shape[-1])
    at = f"At temperature {temperature:g} the soft targets are"
    if highest > _NEARLY:
        yield Finding(
            "note",
            f"{at} nearly one-hot (highest probability {highest:.1%} on average); they say little "
            "more than labels: try a higher temperature.",
        )
    elif spread > _NEARLY:
        yield Finding(
            "note",
            f"{at} nearly uniform; the soft loss then acts like a squared difference of logits, "
            "and a lower temperature gives more weight to the likely classes.",
        )
    else:
        yield Finding(
            "ok", f"{at} neither one-hot nor uniform (highest probability {highest:.1%})."
        )


def _gradient_findings(distiller, x, y):
    weights = distiller.student.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        teacher_logits, *teacher_hint = distiller.teacher_outputs(x)
        student_logits, *student_hint = distiller(x, training=False, features=True)
        features = *teacher_hint, *student_hint
        soft = ops.mean(distiller.soft_losses(teacher_logits, student_logits, features))
        hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)(
            np.maximum(y, -1), student_logits
        )
    norms = [float(tf.linalg.global_norm(tape.gradient(loss, weights))) for loss in (hard, soft)]
    weighted = distiller.alpha * norms[0], (1.0 - distiller.alpha) * norms[1]
    shown = f"Weighted gradients at the start: hard {weighted[0]:.2g}, soft {weighted[1]:.2g}"
    if not np.all(np.isfinite(weighted)):
        yield Finding("stop", f"{shown}; look for NaN or infinity in the inputs.")
    elif 0 < weighted[0] * _LOPSIDED < weighted[1]:
        yield Finding("note", f"{shown}; the labels will hardly count: raise alpha if they should.")
    elif 0 < weighted[1] * _LOPSIDED < weighted[0]:
        yield Finding("note", f"{shown}; the teacher will hardly count: lower alpha if it should.")
    else:
        yield Finding("ok", f"{shown}.")

"""The check before training: finds in seconds what would make a distillation pointless."""

import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest

from distill.distiller import Distiller
from distill.distiller.backend import value_and_gradients
from distill.distiller.guards import mistakes_in
from distill.distiller.steps import unchanged
from distill.distiller.targets import Targets, targets_of
from distill.errors import UserError
from distill.evaluation import other_class_order
from distill.methods import Batch, BinaryCrossEntropy
from distill.models.logits import ends_in_softmax

_NEARLY = 0.99  # of the maximum: from here on, soft targets are called one-hot or uniform
_ENOUGH = 50  # validation examples; an accuracy of fewer says little
_LOPSIDED = 100.0  # ratio of gradient norms beyond which one loss has no influence


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of the check.

    Attributes:
        level: `"ok"`, `"warning"` or `"error"` (training would be pointless).
        sentence: what was found, and what to do about it.
    """

    level: str
    sentence: str


def check(
    distiller: Distiller,
    x,
    y,
    validation=None,
    baseline_accuracy: float | None = None,
    class_names: Sequence[str] = (),
) -> list[Finding]:
    """Looks for mistakes that would make a distillation pointless; changes nothing.

    If the method does not use the teacher, what looks at the teacher's predictions is left out.

    Args:
        distiller: the distiller, before training.
        x: one batch of inputs: an array, a list or a dictionary of arrays.
        y: the labels of the batch: class numbers `(batch,)`, negative where there is none, one-hot
            rows, or a dictionary as in `Distiller`. With several labels per example, one column
            for each label; then what needs one class per example is left out.
        validation: `(inputs, labels)` held out from training, for the teacher's accuracy.
        baseline_accuracy: validation accuracy, 0 to 1, of the same student trained on labels only.
        class_names: the names of the classes, for the findings.

    Raises:
        UserError: the distiller has no teacher and `y` has no stored targets.

    Examples:
        >>> from keras import Sequential, layers
        >>> models = [Sequential([keras.Input((4,)), layers.Dense(3)]) for _ in range(2)]
        >>> distiller = Distiller(teacher=models[0], student=models[1], temperature=1000.0)
        >>> findings = check(distiller, np.ones((2, 4), "float32"), np.array([0, 1]))
        >>> findings[0].level, findings[0].sentence.split(";")[0]
        ('warning', 'At temperature 1000 the soft targets are nearly uniform')
    """
    x = _tensors(x)
    targets = Targets(*map(_tensors, targets_of(y)))
    teacher = distiller.teacher_side(x, targets)
    logits = ops.convert_to_numpy(teacher.logits).astype("float64")
    findings = [*_softmax_findings(distiller), *_logit_findings(logits)]
    findings += _mistake_findings(distiller, x, targets, teacher)
    if not distiller.method.multi_label:  # these look at one class per example
        findings += _label_findings(targets, logits.shape[-1])
        if validation is not None and distiller.method.uses_teacher:
            inputs, labels = validation
            findings += _teacher_findings(distiller, inputs, labels, baseline_accuracy, class_names)
        if distiller.method.uses_teacher:
            findings += _soft_target_findings(logits, distiller.temperature)
    if not any(finding.level == "error" for finding in findings):
        findings += _gradient_findings(distiller, x, targets, teacher)
    return findings


def raise_on_error(findings: list[Finding]) -> None:
    """Raises a `UserError` with the sentence of the first finding of level `"error"`."""
    for finding in findings:
        if finding.level == "error":
            raise UserError(finding.sentence)


def _tensors(arrays):
    return keras.tree.map_structure(ops.convert_to_tensor, arrays, none_is_leaf=False)


def _class_numbers(labels):
    labels = ops.convert_to_numpy(labels)
    is_one_hot = labels.ndim == 2 and labels.shape[-1] > 1
    return np.argmax(labels, axis=-1) if is_one_hot else labels.reshape(-1)


def _softmax_findings(distiller):
    activation = distiller.method.final_activation
    for role, model in (("teacher", distiller.teacher), ("student", distiller.student)):
        if model is not None and ends_in_softmax(model, activation):
            sentence = (
                f"The {role} {model.name!r} ends in {activation}; its logits are used instead."
            )
            yield Finding("warning", sentence)


def _label_findings(targets, classes):
    if targets.labels is None:
        return
    labels = _class_numbers(targets.labels)
    if labels.size and labels.max() >= classes:
        yield Finding(
            "error",
            f"The labels go up to {labels.max():g} but the models have {classes} classes, 0 to "
            f"{classes - 1}; give both models as many classes as the data.",
        )


def _logit_findings(logits):
    if not np.all(np.isfinite(logits)):
        yield Finding(
            "error",
            "The teacher's logits contain NaN or infinity on the first batch; look for them in the "
            "inputs and in the teacher's weights.",
        )


def _mistake_findings(distiller, x, targets, teacher):
    student_logits = distiller(x, training=False)
    batch = distiller.alpha, targets, student_logits, teacher.logits
    for kind in mistakes_in(*batch, distiller.method.multi_label):
        yield Finding("error", distiller.describe_mistake(kind))


def _teacher_findings(distiller, inputs, labels, baseline_accuracy, class_names):
    targets = targets_of(labels)
    if targets.labels is None or not len(targets.labels):
        return
    numbers, predictions = _class_numbers(targets.labels), []
    for start in range(0, len(numbers), 256):
        rows = slice(start, start + 256)
        batch = keras.tree.map_structure(lambda values, rows=rows: values[rows], inputs)
        some = Targets(*(None if values is None else values[rows] for values in targets))
        logits = ops.convert_to_numpy(distiller.teacher_side(_tensors(batch), some).logits)
        predictions.append(np.argmax(logits, axis=-1))
    predicted = np.concatenate(predictions)
    correct = int(np.sum(predicted == numbers))
    accuracy = correct / len(numbers)
    guessing = np.unique(numbers, return_counts=True)[1].max() / len(numbers)
    p_value = binomtest(correct, len(numbers), guessing, alternative="greater").pvalue
    shown = f"The teacher's validation accuracy is {accuracy:.1%}"
    known = numbers >= 0
    classes = logits.shape[-1]
    order = other_class_order(predicted[known], numbers[known], classes)
    if order is not None:
        yield Finding("error", _order_sentence(order, class_names or range(classes)))
        return
    if p_value > 0.05 and len(numbers) >= _ENOUGH:
        yield Finding(
            "error",
            f"{shown}, no better than always predicting the most frequent class ({guessing:.1%}): "
            "the teacher is untrained, or its classes or its pixel scale differ from the data's.",
        )
    elif p_value > 0.001:
        yield Finding(
            "warning",
            f"{shown} on {len(numbers)} examples, where always predicting the most frequent class "
            f"gives {guessing:.1%}; the teacher may know next to nothing.",
        )
    elif baseline_accuracy is not None and accuracy < baseline_accuracy:
        yield Finding("warning", f"{shown}, below that of the baseline ({baseline_accuracy:.1%}).")
    else:
        yield Finding("ok", f"{shown} (guessing: {guessing:.1%}).")


def _order_sentence(order, names):
    moved = [(output, names[label]) for output, label in enumerate(order) if output != label]
    shown = ", ".join(f"output {output} predicts class {name}" for output, name in moved[:4])
    more = ", …" if len(moved) > 4 else ""
    return (
        f"The teacher's classes are in another order than the data's: {shown}{more}; train or save "
        "the teacher with the classes in the order of the data, which sorts folders by name."
    )


def _soft_target_findings(logits, temperature):
    if not np.all(np.isfinite(logits)):
        return
    probabilities = softmax(logits / temperature, axis=-1)
    entropy = -np.sum(probabilities * log_softmax(logits / temperature, axis=-1), axis=-1)
    highest, spread = probabilities.max(axis=-1).mean(), entropy.mean() / np.log(logits.shape[-1])
    at = f"At temperature {temperature:g} the soft targets are"
    if highest > _NEARLY:
        yield Finding(
            "warning",
            f"{at} nearly one-hot (highest probability {highest:.1%} on average); they say little "
            "more than labels: try a higher temperature.",
        )
    elif spread > _NEARLY:
        yield Finding(
            "warning",
            f"{at} nearly uniform; the soft loss then acts like a squared difference of logits, "
            "and a lower temperature gives more weight to the likely classes.",
        )
    else:
        sentence = f"{at} neither one-hot nor uniform (highest probability {highest:.1%})."
        yield Finding("ok", sentence)


def _hard_loss(distiller, labels, logits):
    if distiller.method.multi_label:
        return BinaryCrossEntropy()(labels, logits)
    hard_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    return hard_loss(np.maximum(_class_numbers(labels), -1), logits)


def _gradient_norm(loss, distiller):
    weights = distiller.student.trainable_variables
    _, gradients = value_and_gradients(lambda: (loss(), ()), weights)
    known = [ops.convert_to_numpy(each) for each in gradients if each is not None]
    return math.sqrt(sum(float(np.sum(np.square(each, dtype="float64"))) for each in known))


def _gradient_findings(distiller, x, targets, teacher):
    batch = Batch(targets.labels, targets.index, distiller.temperature)

    def hard_loss():
        return _hard_loss(distiller, targets.labels, distiller(x, training=False))

    def soft_loss():
        student = distiller(x, training=False, features=True)
        with unchanged(distiller):
            parts = distiller.method(teacher, student, batch)
        return sum(ops.mean(values) for values in parts.values())

    hard = 0.0 if targets.labels is None else _gradient_norm(hard_loss, distiller)
    soft = _gradient_norm(soft_loss, distiller)
    weighted = distiller.alpha * hard, (1.0 - distiller.alpha) * soft
    shown = f"Weighted gradients at the start: hard {weighted[0]:.2g}, soft {weighted[1]:.2g}"
    if not np.all(np.isfinite(weighted)):
        yield Finding("error", f"{shown}; look for NaN or infinity in the inputs.")
    elif 0 < weighted[0] * _LOPSIDED < weighted[1]:
        sentence = f"{shown}; the labels will hardly count: raise alpha if they should."
        yield Finding("warning", sentence)
    elif 0 < weighted[1] * _LOPSIDED < weighted[0]:
        sentence = f"{shown}; the teacher will hardly count: lower alpha if it should."
        yield Finding("warning", sentence)
    else:
        yield Finding("ok", f"{shown}.")

"""Metrics of a model's predictions: accuracy, likelihood, errors by class, agreement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops
from scipy.special import log_softmax
from sklearn.metrics import average_precision_score, confusion_matrix

from distill.errors import UserError
from distill.evaluation.calibration import calibration_error, negative_log_likelihood
from distill.models.logits import ENOUGH_ROWS, are_probabilities, check_logits, logits_model

if TYPE_CHECKING:
    from distill.data import Split


def predict_logits(model: keras.Model, split: Split, batch_size: int = 512) -> np.ndarray:
    """Returns the model's logits on every image of a split, in order.

    Args:
        model: a Keras classifier. If it ends in softmax, the logits are taken before it.
        split: images, values 0 to 255.
        batch_size: images in a step. It affects memory only, not the result.

    Returns:
        float64 array `(examples, classes)`.

    Raises:
        UserError: the model returns probabilities, and its logits cannot be reached.

    Examples:
        >>> from distill.data import load_digits
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        >>> predict_logits(model, load_digits().test).shape
        (359, 10)
    """
    # Needs TensorFlow, which the library does not on other backends.
    from distill.data import evaluation_pipeline

    return logits_on_batches(model, evaluation_pipeline(split, batch_size))


def logits_on_batches(model: keras.Model, batches: Iterable[tuple[Any, ...]]) -> np.ndarray:
    """Returns the model's logits on the images of batches `(images, labels)`, in order.

    Raises:
        UserError: as `predict_logits`.
    """
    run, found = logits_model(model), []
    for images, _ in batches:
        outputs = run(ops.convert_to_tensor(images), training=False)
        found.append(ops.convert_to_numpy(check_logits(outputs, model, "model")))
    logits = np.concatenate(found).astype("float64")
    if looks_like_probabilities(logits):
        raise UserError(
            f"The outputs of the model {model.name!r} are never negative and sum to 1, so they are "
            "probabilities and not logits: let the model return logits, without its final softmax."
        )
    return logits


def looks_like_probabilities(logits: np.ndarray) -> bool:
    """Tells whether outputs `(examples, classes)` are probabilities: never negative, each sum 1.

    Fewer than four examples may be so by chance, and the answer is `False`.

    Examples:
        >>> looks_like_probabilities(np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]))
        True
    """
    return len(logits) >= ENOUGH_ROWS and bool(ops.all(are_probabilities(logits)))


def evaluate(model: keras.Model, split: Split) -> dict[str, float]:
    """Computes the metrics of a model on a split of labelled examples; see `measure`.

    Raises:
        UserError: as `predict_logits` and `measure`.
    """
    return measure(predict_logits(model, split), split.labels)


def measure(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Computes the metrics of predictions.

    Returns:
        A dictionary of plain numbers: `examples`; `errors`, the number of wrong predictions;
        `accuracy`, from 0 to 1; `nll`, the mean negative log-likelihood of the labels in nats;
        `ece`, see `calibration_error`; and with more than 5 classes `top5`, the fraction of
        examples whose label is among the 5 largest logits, or ties with the fifth.

    Raises:
        UserError: an example has no label.

    Examples:
        >>> metrics = measure(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([0, 1]))
        >>> metrics["accuracy"], round(metrics["nll"], 4)
        (0.5, 0.41)
    """
    if np.min(labels) < 0:
        raise UserError(
            f"{np.sum(labels < 0)} of {len(labels)} examples have no label: give labelled examples "
            "only, for instance by distill.data.labelled."
        )
    correct = np.argmax(logits, axis=-1) == labels
    metrics = {
        "examples": len(labels),
        "errors": int(np.sum(~correct)),
        "accuracy": float(np.mean(correct)),
        "nll": negative_log_likelihood(logits, labels),
        "ece": calibration_error(logits, labels),
    }
    if logits.shape[-1] > 5:
        # Not scikit-learn's: of equal logits it prefers the last one and argmax the first, so that
        # a correct prediction could miss the top 5. NaN is never in the top 5.
        above = ~(logits <= logits[np.arange(len(labels)), labels, None])
        metrics["top5"] = float(np.mean(above.sum(axis=-1) < 5))
    return metrics


def confusion(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts examples by true class (rows) and predicted class (columns).

    Examples:
        >>> confusion(np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1]))
        array([[1, 0],
               [1, 1]])
    """
    classes = np.arange(logits.shape[-1])
    return confusion_matrix(labels, np.argmax(logits, axis=-1), labels=classes)


def per_class_accuracy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Computes the accuracy of each class, `(classes,)`; NaN for a class without examples."""
    counts = confusion(logits, labels)
    with np.errstate(invalid="ignore"):
        return np.diag(counts) / counts.sum(axis=1)


def agreement(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Computes the fraction of examples for which both models predict the same class."""
    return float(np.mean(np.argmax(teacher_logits, -1) == np.argmax(student_logits, -1)))


def kl_to_teacher(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Computes the mean of `KL(teacher ‖ student)` at temperature 1, in nats."""
    log_p = log_softmax(np.asarray(teacher_logits, "float64"), axis=-1)
    log_q = log_softmax(np.asarray(student_logits, "float64"), axis=-1)
    mean = np.mean(np.sum(np.exp(log_p) * (log_p - log_q), axis=-1))
    return float(np.maximum(mean, 0.0))  # rounding may go below 0; `max` would hide NaN


def mean_average_precision(logits: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean over labels of the average precision, for several labels per example.

    The average precision of a label is `Σₙ (Rₙ − Rₙ₋₁) Pₙ` over the examples by falling logit, with
    precision `P` and recall `R`. Labels that no example has are left out.

    Args:
        logits: `(examples, labels)`; any increasing function of them gives the same result.
        labels: 0 or 1, of the same shape.

    Returns:
        A number from 0 to 1.

    Raises:
        UserError: the shapes differ, a label is neither 0 nor 1, or no example has any label.

    Examples:
        >>> logits = np.array([[2.0, -1.0], [1.0, 3.0], [0.0, 1.0]])
        >>> mean_average_precision(logits, np.array([[1, 0], [0, 1], [1, 1]]))
        0.9166666666666666

    Source: scikit-learn's `average_precision_score`.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.shape != labels.shape or logits.ndim != 2:
        raise UserError(
            f"The logits have shape {logits.shape} and the labels {labels.shape}; both must have "
            "one row for each example and one column for each label."
        )
    if not np.isin(labels, (0, 1)).all() or not labels.any():
        raise UserError("The labels must be 0 or 1, and some must be 1.")
    present = labels.any(axis=0)
    return float(average_precision_score(labels[:, present], logits[:, present], average="macro"))

"""Calibration: how well a model's confidence matches its accuracy, and temperature scaling."""

import dataclasses
import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

BINS = 15
_TEMPERATURES = (0.05, 20.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence and accuracy of a model, in bins of its confidence.

    The confidence of a prediction is its largest probability.

    Attributes:
        confidence: `(bins,)`, the mean confidence in each bin; NaN in an empty bin.
        accuracy: `(bins,)`, the fraction of correct predictions; NaN in an empty bin.
        count: `(bins,)`, the number of examples.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability(logits: np.ndarray, labels: np.ndarray, bins: int = BINS) -> Reliability:
    """Sorts examples into bins of equal width by their confidence.

    Bin `m = 1 … bins` holds the confidences in `((m − 1)/bins, m/bins]`.

    Examples:
        >>> found = reliability(np.log([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 0]), bins=2)
        >>> found.count, found.accuracy, found.confidence
        (array([0, 2]), array([nan, 0.5]), array([nan, 0.8]))

    Reference: Guo et al. (2017), On Calibration of Modern Neural Networks, section 2,
    https://arxiv.org/abs/1706.04599.
    """
    probabilities = softmax(np.asarray(logits, "float64"), axis=-1)
    confidence = probabilities.max(axis=-1)
    correct = np.argmax(logits, axis=-1) == labels
    inner_edges = np.arange(1, bins) / bins
    bin_of = np.digitize(confidence, inner_edges, right=True)
    count = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(bin_of, confidence, bins) / count,
            np.bincount(bin_of, correct, bins) / count,
            count,
        )


def calibration_error(logits: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Computes the expected calibration error: `Σ count/examples · |accuracy − confidence|`.

    Examples:
        >>> round(calibration_error(np.log([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 0]), bins=2), 6)
        0.3

    Reference: Guo et al. (2017), section 2, https://arxiv.org/abs/1706.04599.
    """
    found = reliability(logits, labels, bins)
    filled = found.count > 0
    gaps = np.abs(found.accuracy - found.confidence)[filled]
    return float(np.sum(found.count[filled] * gaps) / len(labels))


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Computes the mean of `−log softmax(logits)[label]`, in nats.

    Examples:
        >>> round(negative_log_likelihood(np.zeros((1, 2)), np.array([0])), 4)
        0.6931
    """
    log_likelihood = log_softmax(np.asarray(logits, "float64"), axis=-1)
    return float(-np.mean(log_likelihood[np.arange(len(labels)), labels]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Finds the temperature that calibrates a model: the `T` with the lowest NLL of `logits / T`.

    Fit it on validation data. Dividing logits by it changes no prediction.

    Returns:
        `T`, from 0.05 to 20: above 1 for an overconfident model, and 0.05 for a model that makes
        no mistakes, for which no temperature is too low.

    Examples:
        >>> round(fit_temperature(np.tile([2.0, 0.0], (4, 1)), np.array([0, 0, 0, 1])), 2)
        1.82

    Reference: Guo et al. (2017), section 4.2, https://arxiv.org/abs/1706.04599.
    """
    logits = np.asarray(logits, "float64")

    def nll(log_temperature: float) -> float:
        return negative_log_likelihood(logits / math.exp(log_temperature), labels)

    lowest, highest = map(math.log, _TEMPERATURES)
    found = minimize_scalar(nll, bounds=(lowest, highest), method="bounded")
    # The search stops short of its bounds, and anywhere on a plateau where the NLL is 0.
    return _TEMPERATURES[0] if nll(lowest) <= found.fun else math.exp(found.x)

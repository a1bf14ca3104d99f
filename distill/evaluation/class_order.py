"""Finds a model whose classes stand in another order than the data's."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import confusion_matrix

# An order that chance finds among few examples stays below these.
_ACCURACY = 0.5  # at least
_GAIN = 0.25  # of accuracy, over the order as it is
_LEAD = 0.1  # of accuracy, over always predicting the most frequent class
_EXAMPLES, _PER_CLASS = 50, 5  # at least


def other_class_order(
    predictions: np.ndarray, labels: np.ndarray, classes: int
) -> np.ndarray | None:
    """Returns the order of a model's classes, if it is clearly not that of the labels.

    The order is the one with the highest accuracy, found by linear assignment in the confusion
    matrix. It counts with 50 examples or more and five for each class, and if its accuracy is at
    least 50 %, 25 points above the present one and 10 above that of always predicting the most
    frequent class.

    Args:
        predictions: predicted class numbers, `(examples,)`.
        labels: class numbers of the data, `(examples,)`; all 0 or more.
        classes: the number of classes.

    Returns:
        For each output of the model, the class of the data that it predicts, `(classes,)`; `None`
        if the order is right, or if no order is clearly better.

    Examples:
        >>> labels = np.arange(60) % 3
        >>> other_class_order((labels + 1) % 3, labels, 3)
        array([2, 0, 1])
        >>> other_class_order(labels, labels, 3) is None
        True
    """
    if len(labels) < max(_EXAMPLES, _PER_CLASS * classes):
        return None
    counts = confusion_matrix(labels, predictions, labels=np.arange(classes))
    outputs, order = linear_sum_assignment(counts.T, maximize=True)
    total = counts.sum()
    best, present = counts.T[outputs, order].sum() / total, np.trace(counts) / total
    most_frequent = counts.sum(axis=1).max() / total
    return order if best >= max(_ACCURACY, present + _GAIN, most_frequent + _LEAD) else None

"""Class-bias correction for a student that never saw images of some classes.

Such a student can know a class from its teacher's soft targets and still predict it too rarely,
because nothing has raised the bias of that class. Hinton, Vinyals and Dean (2015), section 3,
https://arxiv.org/abs/1503.02531, correct it by adding one number to that bias.
"""

from collections.abc import Sequence

import keras
import numpy as np

from distill.errors import UserError
from distill.models import copy_of, require_classifier


def best_class_bias(logits: np.ndarray, labels: np.ndarray, classes: Sequence[int]) -> float:
    """Finds the number that, added to the logits of some classes, gives the highest accuracy.

    The prediction is one of `classes` if and only if the number exceeds the example's margin:
    `max(logits of all other classes) − max(logits of classes)`. The accuracy is therefore constant
    between neighbouring margins, and the search tries every such interval.

    Returns:
        The middle of the best interval. Of equally good intervals the widest one counts, and of
        equally wide ones the one nearest to 0. The two outermost intervals count as 2 wide. The
        result is 0 if `classes` is empty or holds all classes.

    Examples:
        >>> logits = np.array([[2.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
        >>> best_class_bias(logits, np.array([1, 0, 1]), [1])
        2.5
    """
    logits = np.asarray(logits, "float64")
    raised = np.isin(np.arange(logits.shape[1]), list(classes))
    if raised.all() or not raised.any():
        return 0.0
    inside, outside = np.where(raised, logits, -np.inf), np.where(raised, -np.inf, logits)
    margins = outside.max(axis=1) - inside.max(axis=1)
    correct_above = inside.argmax(axis=1) == labels
    correct_below = outside.argmax(axis=1) == labels
    order = np.argsort(margins)
    edges = margins[order]
    # correct[k]: the number of correct predictions between edges[k-1] and edges[k].
    gained = correct_above[order].astype(int) - correct_below[order].astype(int)
    correct = correct_below.sum() + np.concatenate([[0], np.cumsum(gained)])
    low = np.concatenate([[edges[0] - 2.0], edges])
    high = np.concatenate([edges, [edges[-1] + 2.0]])
    middle, width = (low + high) / 2, high - low
    possible = width > 0  # between two equal margins there is no interval
    best = possible & (correct == correct[possible].max())
    chosen = min(np.flatnonzero(best), key=lambda k: (-width[k], abs(middle[k])))
    return float(middle[chosen])


def with_class_bias(logits: np.ndarray, classes: Sequence[int], bias: float) -> np.ndarray:
    """Returns a copy of logits with a number added to those of some classes.

    Examples:
        >>> with_class_bias(np.array([[1.0, 2.0]]), [1], 0.5)
        array([[1. , 2.5]])
    """
    changed = np.array(logits, "float64")
    changed[:, list(classes)] += bias
    return changed


def add_class_bias(model: keras.Model, classes: Sequence[int], bias: float) -> keras.Model:
    """Returns a copy of a model with a number added to the bias of some classes.

    The model is functional or sequential and ends in a dense layer with a bias and no activation.

    Raises:
        UserError: the model does not end in such a layer.

    Examples:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> add_class_bias(model, [2], 0.5)(np.zeros((1, 2))).numpy()
        array([[0. , 0. , 0.5]], dtype=float32)
    """
    layer = require_classifier(model)
    if not layer.use_bias or layer.activation is not keras.activations.linear:
        raise UserError(
            f"The last layer of the model {model.name!r} has no bias, or it has an activation: "
            "correct the model's logits by with_class_bias instead."
        )
    corrected = copy_of(model)
    layer = require_classifier(corrected)
    change = np.zeros(layer.bias.shape, "float32")
    change[list(classes)] = bias
    layer.bias.assign_add(change)
    return corrected

"""Class-bias correction: what a student lacks on classes that it never saw, put right afterwards.

A student that never saw an image of a class can know it from its teacher's soft targets and still
give it too seldom: nothing has raised that class's bias. Hinton, Vinyals and Dean (2015), section
3, add one number to it.
"""

from collections.abc import Sequence

import keras
import numpy as np

from distill.errors import UserError
from distill.models import copy_of, require_classifier


def best_class_bias(logits: np.ndarray, labels: np.ndarray, classes: Sequence[int]) -> float:
    """Returns the number that, added to the logits of some classes, gives the highest accuracy.

    With z the logits, an example is given one of `classes` if and only if the number b exceeds its
    margin, max of z over all other classes − max of z over `classes`. Accuracy as a function of b
    is therefore constant between neighbouring margins, and every interval is tried.

    Args:
        logits: `(examples, all classes)`, of one or more examples.
        labels: int `(examples,)`.
        classes: numbers of the classes whose logits are raised.

    Returns:
        The middle of the best interval, of the widest of equally good ones, the one nearest to 0
        of equally wide ones; beyond the outermost margins an interval is taken to be 2 wide. 0
        where `classes` are none or all.

    Example:

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
    right_above = inside.argmax(axis=1) == labels
    right_below = outside.argmax(axis=1) == labels
    order = np.argsort(margins)
    edges = margins[order]
    # right[k]: how many are right with b between edges[k-1] and edges[k].
    gained = right_above[order].astype(int) - right_below[order].astype(int)
    right = right_below.sum() + np.concatenate([[0], np.cumsum(gained)])
    low = np.concatenate([[edges[0] - 2.0], edges])
    high = np.concatenate([edges, [edges[-1] + 2.0]])
    middle, width = (low + high) / 2, high - low
    possible = width > 0  # between two equal margins there is no interval
    best = possible & (right == right[possible].max())
    chosen = min(np.flatnonzero(best), key=lambda k: (-width[k], abs(middle[k])))
    return float(middle[chosen])


def with_class_bias(logits: np.ndarray, classes: Sequence[int], bias: float) -> np.ndarray:
    """Returns a copy of logits in which a number is added to those of some classes.

    Args:
        logits: `(examples, all classes)`.
        classes: numbers of the classes.
        bias: the number.

    Returns:
        float64 array of the same shape.

    Example:

    >>> with_class_bias(np.array([[1.0, 2.0]]), [1], 0.5)
    array([[1. , 2.5]])
    """
    changed = np.array(logits, "float64")
    changed[:, list(classes)] += bias
    return changed


def add_class_bias(model: keras.Model, classes: Sequence[int], bias: float) -> keras.Model:
    """Returns a model like another whose logits of some classes are higher.

    Args:
        model: a functional or sequential model that ends in a dense layer with a bias and without
            an activation. It is not changed.
        classes: numbers of the classes.
        bias: what is added to their logits.

    Returns:
        The corrected model.

    Raises:
        UserError: the model does not end in such a layer.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> add_class_bias(model, [2], 0.5)(np.zeros((1, 2))).numpy()
    array([[0. , 0. , 0.5]], dtype=float32)
    """
    layer = require_classifier(model)
    if not layer.use_bias or layer.activation is not keras.activations.linear:
        raise UserError(
            f"The last layer of the model {model.name!r} has no bias or an activation; correct its "
            "logits with with_class_bias."
        )
    corrected = copy_of(model)
    layer = require_classifier(corrected)
    change = np.zeros(layer.bias.shape, "float32")
    change[list(classes)] = bias
    layer.bias.assign_add(change)
    return corrected

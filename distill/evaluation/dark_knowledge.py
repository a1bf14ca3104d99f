"""Dark knowledge: what a teacher's logits say about the classes that it considers wrong.

Geoffrey Hinton coined the name. Reference: Hinton, Vinyals and Dean (2015), Distilling the
Knowledge in a Neural Network, https://arxiv.org/abs/1503.02531.
"""

import numpy as np
from scipy import special


def most_ambiguous(logits: np.ndarray, labels: np.ndarray) -> list[int]:
    """Finds each class's most ambiguous example among those classified correctly.

    The most ambiguous example has the smallest difference between its two largest logits.

    Returns:
        Indices of examples, the most ambiguous first. A class without a correct prediction has
        none.

    Examples:
        >>> most_ambiguous(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 4.0]]), np.array([0, 0, 1]))
        [1, 2]
    """
    ordered = np.sort(logits, axis=-1)
    margin = ordered[:, -1] - ordered[:, -2]
    correct = np.flatnonzero(np.argmax(logits, axis=-1) == labels)
    correct = correct[np.argsort(margin[correct], kind="stable")]
    first_of_class = np.unique(labels[correct], return_index=True)[1]
    return correct[np.sort(first_of_class)].tolist()


def resemblance(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Computes the mean soft targets of each class.

    `resemblance[i, j]` is the mean of `softmax(logits / temperature)[j]` over the examples of class
    `i`: how much of a `j` the teacher sees in an `i`. Unlabelled examples are ignored.

    Returns:
        float64 `(classes, classes)`, in which each row sums to 1; NaN in the row of a class without
        examples.

    Examples:
        >>> resemblance(np.log([[8.0, 2.0], [6.0, 4.0], [1.0, 9.0]]), np.array([0, 0, 1])).round(3)
        array([[0.7, 0.3],
               [0.1, 0.9]])
    """
    probabilities = special.softmax(np.asarray(logits, "float64") / temperature, axis=-1)
    classes = probabilities.shape[1]
    means = np.full((classes, classes), np.nan)
    for label in np.unique(labels[labels >= 0]):
        means[label] = probabilities[labels == label].mean(axis=0)
    return means


def most_alike(resemblances: np.ndarray) -> tuple[int, int]:
    """Finds the two classes that resemble each other most.

    Returns:
        The two classes; the first one resembles the second more than the second the first.

    Examples:
        >>> most_alike(np.array([[0.9, 0.0, 0.1], [0.2, 0.8, 0.0], [0.3, 0.0, 0.7]]))
        (2, 0)
    """
    both = np.nan_to_num(resemblances + resemblances.T, nan=-1.0)
    np.fill_diagonal(both, -1.0)
    one, other = map(int, np.unravel_index(np.argmax(both), both.shape))
    return (one, other) if resemblances[one, other] >= resemblances[other, one] else (other, one)


def between(logits: np.ndarray, labels: np.ndarray, one: int, other: int) -> list[int]:
    """Finds up to four correctly classified examples that lead from one class to another.

    The difference of the two classes' logits says how much an example resembles the other class.

    Returns:
        Indices of examples: the `one` least like `other`, the `one` most like it, the `other` most
        like `one` and the `other` least like it. A class with fewer than two correct predictions
        contributes fewer.

    Examples:
        >>> logits = np.array([[9.0, 0.0], [2.0, 1.0], [3.0, 0.0], [1.0, 4.0], [1.0, 2.0]])
        >>> between(logits, np.array([0, 0, 0, 1, 1]), 0, 1)
        [0, 1, 4, 3]
    """
    margins = logits[:, one] - logits[:, other]
    is_correct = np.argmax(logits, axis=-1) == labels
    found = []
    for label in (one, other):
        of_class = np.flatnonzero(is_correct & (labels == label))
        ordered = of_class[np.argsort(-margins[of_class], kind="stable")]
        found += [*ordered[:1], *ordered[1:][-1:]]
    return [int(index) for index in found]

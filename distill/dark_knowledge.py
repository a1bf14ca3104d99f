"""Dark knowledge: what a teacher's logits say of the classes that it holds for wrong.

The name is Hinton's; see Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural
network".
"""

import numpy as np
from scipy import special


def most_ambiguous(logits: np.ndarray, labels: np.ndarray) -> list[int]:
    """Finds, of each class, the rightly classified example whose two largest logits differ least.

    Args:
        logits: `(examples, classes)`, of two classes or more.
        labels: `(examples,)`.

    Returns:
        Indices of examples, the most ambiguous first; classes without a right one are left out.

    Example:

    >>> most_ambiguous(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 4.0]]), np.array([0, 0, 1]))
    [1, 2]
    """
    ordered = np.sort(logits, axis=-1)
    margin = ordered[:, -1] - ordered[:, -2]
    right = np.flatnonzero(np.argmax(logits, axis=-1) == labels)
    right = right[np.argsort(margin[right], kind="stable")]
    first_of_class = np.unique(labels[right], return_index=True)[1]
    return right[np.sort(first_of_class)].tolist()


def resemblance(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Computes the mean soft targets of each class.

    `resemblance[i, j]` is the mean of `softmax(logits / temperature)[j]` over the examples of class
    `i`: how much of a `j` the teacher sees in an `i`.

    Args:
        logits: the teacher's, `(examples, classes)`.
        labels: `(examples,)`.
        temperature: above 0.

    Returns:
        float64 `(classes, classes)`, rows of sum 1; NaN where a class has no example.

    Example:

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


def most_alike(resembling: np.ndarray) -> tuple[int, int]:
    """Returns the two classes that resemble each other most, first the one with more of the other.

    Args:
        resembling: as `resemblance` returns it, of two classes or more.

    Example:

    >>> most_alike(np.array([[0.9, 0.0, 0.1], [0.2, 0.8, 0.0], [0.3, 0.0, 0.7]]))
    (2, 0)
    """
    both = np.nan_to_num(resembling + resembling.T, nan=-1.0)
    np.fill_diagonal(both, -1.0)
    one, other = map(int, np.unravel_index(np.argmax(both), both.shape))
    return (one, other) if resembling[one, other] >= resembling[other, one] else (other, one)


def between(logits: np.ndarray, labels: np.ndarray, one: int, other: int) -> list[int]:
    """Finds four rightly classified examples that go from one class to another.

    Args:
        logits: `(examples, classes)`.
        labels: `(examples,)`.
        one: a class.
        other: another one.

    Returns:
        Indices: the `one` least like `other`, the `one` most like it, the `other` most like `one`
        and the `other` least like it, as the difference of the two logits tells; fewer where a
        class has less than two right ones.

    Example:

    >>> logits = np.array([[9.0, 0.0], [2.0, 1.0], [3.0, 0.0], [1.0, 4.0], [1.0, 2.0]])
    >>> between(logits, np.array([0, 0, 0, 1, 1]), 0, 1)
    [0, 1, 4, 3]
    """
    margins = logits[:, one] - logits[:, other]
    is_right = np.argmax(logits, axis=-1) == labels
    found = []
    for label in (one, other):
        of_class = np.flatnonzero(is_right & (labels == label))
        ordered = of_class[np.argsort(-margins[of_class], kind="stable")]
        found += [*ordered[:1], *ordered[1:][-1:]]
    return [int(index) for index in found]

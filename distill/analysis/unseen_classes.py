"""Students that never saw some classes: their errors on them, and the correction of their bias."""

from collections.abc import Sequence

import numpy as np

from distill.evaluation.class_bias import best_class_bias, with_class_bias
from distill.runs import Run


def unseen_classes(run: Run) -> list[int]:
    """Returns the numbers of the classes that a run's student never saw."""
    return list(run.settings()["identity"].get("omitted_classes", ()))


def class_errors(run: Run, logits: np.ndarray, classes: Sequence[int]) -> int:
    """Counts the errors on a run's test images of some classes, given by their numbers."""
    labels = run.labels("test")
    return int(np.sum((np.argmax(logits, axis=-1) != labels) & np.isin(labels, classes)))


def corrected_logits(run: Run, checkpoint: str, unseen: Sequence[int], on: str) -> np.ndarray:
    """Adds to the test logits of the unseen classes the number that is best on the split `on`.

    Chosen on validation data it gives a fair accuracy. Chosen on the test set, as in Hinton,
    Vinyals and Dean (2015), it does not.
    """
    bias = best_class_bias(run.predictions(checkpoint, on), run.labels(on), unseen)
    return with_class_bias(run.predictions(checkpoint, "test"), unseen, bias)

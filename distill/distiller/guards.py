"""Finds mistakes that only values show, such as probabilities used as logits, while a model trains.

The compiled step counts suspicious rows, which works for any input pipeline and any number of
replicas. `guarded_fit.py` turns the counts into a sentence when the loss becomes NaN.
"""

import keras
import numpy as np
from keras import ops

from distill.methods.method import at_least_float32

# In some rows chance makes logits look like probabilities, but not in all of this many.
_ENOUGH_ROWS = 4
_TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2}  # of a row's sum; 1e-3 in other precisions
_STORED_TOLERANCE = 1e-2  # rows in a file may have been rounded

_PROBABILITIES = ("teacher", "student", "teacher_logits")
_OTHERS = ("teacher_probabilities", "labels", "no_labels")
_KINDS = _PROBABILITIES + _OTHERS


class Guard(keras.metrics.Metric):
    """Counts rows of a batch that show a mistake.

    A metric, because Keras creates the variables of metrics so that replicas can add to them.
    """

    def __init__(self):
        super().__init__(name="guard", dtype="float32")
        # TensorFlow has GPU kernels for int64 variables and not for int32.
        self._rows = self.add_variable((2, len(_KINDS)), "zeros", dtype="int64", name="rows")

    def update_state(self, alpha, targets, student_logits, teacher_logits=None):
        """Counts the rows of one batch.

        Args:
            alpha: the weight of the hard loss.
            targets: the batch's `Targets`.
            student_logits: what the student returned.
            teacher_logits: what the teacher returned, if it ran.

        Returns:
            A boolean scalar: whether no mistake is known.
        """
        counts = _count(alpha, targets, student_logits, teacher_logits)
        self._rows.assign(self._rows + counts)
        return ops.logical_not(ops.any(_mistakes(self._rows)))

    def result(self):
        return self._rows

    def mistake(self) -> str | None:
        """Returns the first kind of mistake that was counted."""
        found = _mistakes(ops.convert_to_numpy(self._rows))
        return next((kind for kind, is_found in zip(_KINDS, found, strict=True) if is_found), None)


def _mistakes(rows):
    suspicious, seen = rows[0], rows[1]
    probabilities = (suspicious == seen) & (seen >= _ENOUGH_ROWS)
    is_probabilities = np.array([kind in _PROBABILITIES for kind in _KINDS])
    return ops.where(is_probabilities, probabilities, suspicious > 0)


def _count(alpha, targets, student_logits, teacher_logits):
    """Returns the numbers of suspicious rows and of rows seen, `(2, kinds)`."""
    flags = {
        "teacher": _apply(_are_probabilities, teacher_logits),
        "student": _are_probabilities(student_logits),
        "teacher_logits": _apply(_are_probabilities, targets.teacher_logits),
        "teacher_probabilities": _apply(_are_no_probabilities, targets.teacher_probabilities),
        "labels": _apply(_have_several_classes, targets.labels),
        "no_labels": ops.reshape(alpha > 0, (1,)) if targets.labels is None else None,
    }
    flags = [flags[kind] for kind in _KINDS]
    suspicious = [0 if each is None else ops.sum(ops.cast(each, "int64")) for each in flags]
    seen = [0 if each is None else ops.shape(each)[0] for each in flags]
    return ops.stack(
        [ops.stack([ops.cast(each, "int64") for each in row]) for row in (suspicious, seen)]
    )


def mistakes_in(alpha, targets, student_logits, teacher_logits=None) -> list[str]:
    """Returns the kinds of mistakes in one batch of values; see `Guard.update_state`."""
    found = _mistakes(_count(alpha, targets, student_logits, teacher_logits))
    return [kind for kind, is_found in zip(_KINDS, np.array(found), strict=True) if is_found]


def _apply(check, values):
    return None if values is None else check(values)


def _are_probabilities(outputs):
    tolerance = _TOLERANCE.get(keras.backend.standardize_dtype(outputs.dtype), 1e-3)
    return _sum_to_one(outputs, tolerance)


def _are_no_probabilities(outputs):
    return ops.logical_not(_sum_to_one(outputs, _STORED_TOLERANCE))


def _have_several_classes(labels):
    if len(labels.shape) != 2 or labels.shape[-1] == 1:
        return None
    sums = ops.sum(at_least_float32(labels), axis=-1)
    return ops.absolute(sums - 1.0) > _STORED_TOLERANCE


def _sum_to_one(rows, tolerance):
    rows = at_least_float32(rows)
    is_near = ops.absolute(ops.sum(rows, axis=-1) - 1.0) <= tolerance
    return ops.logical_and(ops.all(rows >= 0, axis=-1), is_near)


def sentence(kind: str, teacher: str = "", student: str = "", alpha: float = 0.0) -> str:
    """Returns what to tell the user about a kind of mistake.

    Args:
        kind: what `Guard.mistake` returned.
        teacher: the teacher's name.
        student: the student's name.
        alpha: the weight of the hard loss.
    """
    if kind in ("teacher", "student"):
        name = teacher if kind == "teacher" else student
        return (
            f"The {kind} {name!r} returns probabilities: its outputs are never negative and every "
            "row sums to 1; let it return logits, by dropping the final softmax."
        )
    return {
        "teacher_logits": "The stored 'teacher_logits' are probabilities: they are never negative "
        "and every row sums to 1; store logits, or rename them to 'teacher_probabilities'.",
        "teacher_probabilities": "The stored 'teacher_probabilities' have rows that are negative "
        "or do not sum to 1; store probabilities, or rename them to 'teacher_logits'.",
        "labels": "The labels have rows that do not sum to 1, as with several classes or none for "
        "an example, which is not supported; give one class number per example, one-hot rows, or "
        "probabilities that sum to 1.",
        "no_labels": f"alpha is {alpha} and there are no labels; give labels, or set alpha=0.",
    }[kind]

"""Finds mistakes that only values show, such as probabilities used as logits, while a model trains.

The compiled step counts suspicious rows, which works for any input pipeline and any number of
replicas. `guarded_fit.py` turns the counts into a sentence.
"""

import keras
import numpy as np
from keras import ops

from distill.models.logits import ENOUGH_ROWS, are_probabilities

_OF_A_MODEL = "returns probabilities: its outputs are {like}; let it return logits, by "
# What outputs that are probabilities are like, and what such ones are not, by `multi_label`.
LIKE = {False: "never negative and every row sums to 1", True: "all between 0 and 1"}
UNLIKE = {False: "rows that are negative or do not sum to 1", True: "values below 0 or above 1"}
SENTENCES = {
    "teacher": "The teacher {teacher!r} " + _OF_A_MODEL + "dropping the final {activation}.",
    "student": "The student {student!r} " + _OF_A_MODEL + "dropping the final {activation}.",
    "teacher_logits": "The stored 'teacher_logits' are probabilities: they are {like}; "
    "store logits, or rename them to 'teacher_probabilities'.",
    "teacher_probabilities": "The stored 'teacher_probabilities' have {unlike}; "
    "store probabilities, or rename them to 'teacher_logits'.",
    "labels": "The labels have rows that do not sum to 1, as with several classes or none for an "
    "example; give one class number per example, one-hot rows or probabilities that sum to 1, or "
    "use the method 'multi_label_kd' for several labels per example.",
    "multi_labels": "The labels have values below 0 or above 1; the method {method!r} needs one "
    "column for each label, 1 where the example has it and 0 where not.",
    "no_labels": "alpha is {alpha} and there are no labels; give labels, or set alpha=0.",
}
# In some rows chance makes logits look like probabilities, so these count if all rows do.
_ALL_ROWS = np.isin(list(SENTENCES), ["teacher", "student", "teacher_logits"])

# TensorFlow has GPU kernels for int64 variables and not for int32; JAX has no int64.
_COUNTS = "int64" if keras.backend.backend() == "tensorflow" else "int32"


class Guard(keras.metrics.Metric):
    """Counts rows of a batch that show a mistake.

    A metric, because Keras creates the variables of metrics so that replicas can add to them.
    """

    def __init__(self):
        super().__init__(name="guard", dtype="float32")
        self._rows = self.add_variable((2, len(SENTENCES)), "zeros", dtype=_COUNTS, name="rows")

    def update_state(self, *batch):
        """Counts the rows of a batch; returns whether no mistake is known. See `mistakes_in`."""
        self._rows.assign(self._rows + _count(*batch))
        return ops.logical_not(ops.any(_mistakes(self._rows)))

    def result(self):
        return self._rows

    def mistake(self) -> str | None:
        """Returns the first kind of mistake that was counted, a key of `SENTENCES`."""
        return next(iter(_kinds(self._rows)), None)


def mistakes_in(alpha, targets, student_logits, teacher_logits, multi_label=False) -> list[str]:
    """Returns the kinds of mistakes in one batch: its `Targets`, and what both models returned.

    With `multi_label`, each class has a probability of its own.
    """
    return _kinds(_count(alpha, targets, student_logits, teacher_logits, multi_label))


def _kinds(rows):
    found = ops.convert_to_numpy(_mistakes(rows))
    return [kind for kind, is_found in zip(SENTENCES, found, strict=True) if is_found]


def _mistakes(rows):
    suspicious, seen = rows[0], rows[1]
    in_all_rows = (suspicious == seen) & (seen >= ENOUGH_ROWS)
    return ops.where(_ALL_ROWS, in_all_rows, suspicious > 0)


def _count(alpha, targets, student_logits, teacher_logits, multi_label=False):
    """Returns the numbers of suspicious rows and of rows seen, `(2, kinds)`."""
    labels, look_probable = targets.labels, _in_unit_interval if multi_label else are_probabilities
    flags = dict.fromkeys(SENTENCES)
    flags["student"] = look_probable(student_logits)
    if targets.teacher_logits is not None:
        flags["teacher_logits"] = look_probable(targets.teacher_logits)
    elif targets.teacher_probabilities is not None:
        is_right = look_probable(targets.teacher_probabilities)
        flags["teacher_probabilities"] = ops.logical_not(is_right)
    else:
        flags["teacher"] = look_probable(teacher_logits)
    if labels is None:
        flags["no_labels"] = ops.reshape(alpha > 0, (1,))
    elif multi_label:
        flags["multi_labels"] = ops.logical_not(_in_unit_interval(labels))
    elif len(labels.shape) == 2 and labels.shape[-1] > 1:
        flags["labels"] = ops.logical_not(are_probabilities(labels))
    of_kind = flags.values()
    suspicious = [0 if each is None else ops.sum(ops.cast(each, _COUNTS)) for each in of_kind]
    seen = [0 if each is None else ops.shape(each)[0] for each in of_kind]
    return ops.cast(ops.stack([ops.stack(suspicious), ops.stack(seen)]), _COUNTS)


def _in_unit_interval(rows):
    rows = ops.cast(rows, "float32")
    return ops.all(ops.logical_and(rows >= 0, rows <= 1), axis=tuple(range(1, len(rows.shape))))

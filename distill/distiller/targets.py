"""What a batch brings besides the inputs: labels, positions and stored targets of the teacher."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from distill.errors import UserError
from distill.methods.method import at_least_float32

TINY = float(np.finfo("float32").tiny)


class Targets(NamedTuple):
    """The entries of a dictionary of labels; see `Distiller`."""

    labels: Any = None
    index: Any = None
    teacher_logits: Any = None
    teacher_probabilities: Any = None

    def stored_logits(self, multi_label: bool = False):
        """Returns the teacher's logits if the batch has them, or makes them from probabilities."""
        if self.teacher_probabilities is None:
            return self.teacher_logits
        probabilities = at_least_float32(self.teacher_probabilities)
        logits = logits_of_probabilities(probabilities)
        if not multi_label:
            return logits
        return logits - logits_of_probabilities(1.0 - probabilities)


def unpack(data) -> tuple[Any, Targets, Any]:
    """Returns the inputs, the targets and the sample weights of a batch."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    return x, targets_of(y), sample_weight


def targets_of(y) -> Targets:
    """Returns labels, or a dictionary of labels, as `Targets`; see `unpack`."""
    if not isinstance(y, dict):
        return Targets(labels=y)
    if not y or not set(y) <= set(Targets._fields):
        raise UserError(
            f"The labels are a dictionary with {', '.join(map(repr, y)) or 'nothing'}; it may have "
            f"{', '.join(map(repr, Targets._fields))}."
        )
    targets = Targets(**y)
    if targets.teacher_logits is not None and targets.teacher_probabilities is not None:
        raise UserError(
            "The labels have both 'teacher_logits' and 'teacher_probabilities'; leave one out."
        )
    return targets


def logits_of_probabilities(probabilities):
    """Returns logits whose softmax are the given probabilities: `log(max(p, tiny))`.

    `tiny` is the smallest normal float32 number, about 1.2e-38. The original logits may differ
    by a constant in each row, which softmax ignores.

    Examples:
        >>> float(logits_of_probabilities([[1.0, 0.0]])[0, 0])
        0.0
    """
    return ops.log(ops.maximum(at_least_float32(probabilities), TINY))

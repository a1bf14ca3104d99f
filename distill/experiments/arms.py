"""What is trained at each setting: the three models of the main job, and controls beside them.

A control trains the same student from the same initial weights for the same number of steps, with
one thing taken away or put in the teacher's place: what of the gain is left tells where it comes
from.
"""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to train a model of the recipe.

    Attributes:
        title: its name in tables and figures.
        role: `"teacher"`, `"student"` or `"distilled"`, as `distill.training` has them.
        change: fields of the recipe that differ.
        equal_time: train for as long as distillation took, not for as many steps.
        question: what it tells, for `--help` and the report.
    """

    title: str
    role: str
    change: dict[str, Any] = dataclasses.field(default_factory=dict)
    equal_time: bool = False
    question: str = ""


MODELS = {
    "teacher": Arm("teacher", "teacher"),
    "student": Arm("student from labels", "student"),
    "distilled": Arm("student distilled", "distilled"),
}
CONTROLS = {
    "label-smoothing": Arm(
        "label smoothing",
        "student",
        {"label_smoothing": 0.1},
        question="labels softened evenly by 0.1: does softness alone help, without a teacher?",
    ),
    "shuffled-teacher": Arm(
        "shuffled teacher",
        "distilled",
        {"soft_targets": "shuffled"},
        question="soft targets of another image of the same class: is it knowledge of the image, "
        "or of the class?",
    ),
    "soft-targets-alone": Arm(
        "soft targets alone",
        "distilled",
        {"alpha": 0.0},
        question="alpha 0, no label used: do the labels add anything?",
    ),
    "hard-label": Arm(
        "teacher's predictions as labels",
        "distilled",
        {"alpha": 0.0, "method": "hard_label"},
        question="only the class that the teacher predicts: is it more than pseudo-labels?",
    ),
    "equal-time": Arm(
        "from labels, equal time",
        "student",
        equal_time=True,
        question="the student from labels, trained for as long as distillation took",
    ),
}
ARMS = MODELS | CONTROLS

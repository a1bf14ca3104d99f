"""What is trained at each grid point: teacher, baseline, distilled student, and ablations.

An ablation trains the same student from the same initial weights for the same number of steps,
with one ingredient removed or replaced. What is left of the gain shows where the gain comes from.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from distill.runs import Role


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train a model of the recipe."""

    title: str  # in tables and figures
    role: Role
    change: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of the recipe
    match_time: bool = False  # train as long as the distillation took, not as many steps
    question: str = ""  # what it answers, for `--list ablations` and the report


MAIN_VARIANTS = {
    "teacher": Variant("teacher", Role.TEACHER),
    "baseline": Variant("baseline", Role.BASELINE),
    "distilled": Variant("distilled student", Role.DISTILLED),
}
ABLATIONS = {
    "label-smoothing": Variant(
        "label smoothing",
        Role.BASELINE,
        {"student.label_smoothing": 0.1},
        question="labels smoothed by 0.1: does softness alone help, without a teacher?",
    ),
    "shuffled-teacher": Variant(
        "shuffled teacher",
        Role.DISTILLED,
        {"distillation.soft_targets": "shuffled"},
        question="soft targets of another image of the same class: does knowledge of the image "
        "help, or only knowledge of the class?",
    ),
    "soft-targets-only": Variant(
        "soft targets only",
        Role.DISTILLED,
        {"distillation.alpha": 0.0},
        question="alpha 0, no label used: do the labels add anything?",
    ),
    "hard-labels": Variant(
        "teacher's predictions as labels",
        Role.DISTILLED,
        {"distillation.alpha": 0.0, "distillation.method": "hard_label"},
        question="only the class that the teacher predicts: do soft targets help more than "
        "pseudo-labels?",
    ),
    "equal-time": Variant(
        "baseline, same training time",
        Role.BASELINE,
        match_time=True,
        question="the baseline, trained for as long as the distillation took: does a teacher help "
        "more than longer training?",
    ),
}
VARIANTS = MAIN_VARIANTS | ABLATIONS

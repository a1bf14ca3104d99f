"""The learning rate of each student, chosen on validation data before an experiment.

Baseline and distilled student take the best of the same rates, by the same rule: each rate is tried
with the first seed for a quarter of the epochs; the highest validation accuracy wins, and of equals
the lowest validation loss. The test set plays no part.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from distill.errors import UserError
from distill.experiments.execution import execute
from distill.experiments.grid import Axis, make_axis
from distill.experiments.job import Executor, execute_plan
from distill.experiments.plan import Plan, make_plan
from distill.recipes import Recipe, show_value
from distill.runs import Run, completed

SHARE = 1 / 4  # of the epochs
RATE = "training.learning_rate"
# Where the rate of each student stands in a recipe.
RATES = {"baseline": "student.baseline.learning_rate", "distilled": RATE}


@dataclasses.dataclass(frozen=True)
class Tried:
    """A learning rate of a student, and what it reached on validation data."""

    rate: float
    accuracy: float
    loss: float


def choose_learning_rates(
    recipe: Recipe,
    axes: Sequence[Axis],
    variants: Sequence[str],
    runs: Path,
    console: Console,
    executor: Executor = execute,
) -> Recipe:
    """Returns the recipe with the best learning rate for each student, and says which these are.

    If a grid varies the rates, or no student is trained, there is nothing to choose: then the
    recipe names no rates to try any more. The arguments are those of `run_experiment`.

    Raises:
        UserError: no run of a student could be trained.
    """
    rates, students = recipe.experiment.learning_rates, [name for name in RATES if name in variants]
    if not (rates and students) or {axis.field for axis in axes} & {*RATES.values()}:
        return recipe.with_values({"experiment.learning_rates": ()})
    trial = _trial(recipe)
    epochs = trial.training.epochs
    console.print(
        f"Learning rates {', '.join(map(show_value, rates))}: each student takes the best on "
        f"validation data after {epochs} epoch{'s' * (epochs > 1)} with seed {recipe.seed}.",
        soft_wrap=True,
        highlight=False,
    )
    plan = make_plan(trial, [make_axis(RATE, rates)], students, runs)
    _, failures = execute_plan(plan, console, executor=executor, is_trial=True)
    # The teacher's own rate, which stays when the student's changes.
    chosen = {"teacher.training.learning_rate": trial.teacher.training.learning_rate}
    for student in students:
        if not (tried := _tried(plan, student)):
            raise UserError(failures[0].reason)
        best = max(tried, key=lambda each: (each.accuracy, -each.loss))
        chosen[RATES[student]] = best.rate
        shown = ", ".join(f"{each.rate:g}: {each.accuracy * 100:.1f} %" for each in tried)
        console.print(f"{student}: learning rate {best.rate:g} ({shown})", highlight=False)
    return recipe.with_values(chosen)


def _trial(recipe):
    """The recipe with few epochs of the students and one seed; its teacher is the same."""
    epochs = max(1, math.ceil(recipe.training.epochs * SHARE))
    teacher = recipe.training_with(recipe.teacher.training)
    return recipe.with_values(
        {
            "training.epochs": epochs,
            "teacher.training.epochs": teacher.epochs,
            "teacher.training.learning_rate": teacher.learning_rate,
            "student.baseline.epochs": None,
            "student.baseline.learning_rate": None,
            "experiment.seeds": 1,
            "experiment.learning_rates": (),
        }
    )


def _tried(plan: Plan, student: str) -> list[Tried]:
    found = []
    for point in plan.points:
        spec = plan.specs[point.runs[student][0]]
        run: Run | None = completed(spec.folder, spec.identity)
        if run:
            measured = run.metrics["last"]["validation"]
            found.append(Tried(point.setting[RATE], measured["accuracy"], measured["nll"]))
    return found

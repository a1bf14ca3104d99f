"""Students of several sizes: what each costs, and the smallest one that is good enough."""

import dataclasses
import math

import numpy as np

from distill.analysis.costs import Cost, cost
from distill.analysis.numbers import kilobytes, percent, signed
from distill.analysis.page.parts import Table
from distill.analysis.results import GridPoint, Results, data_of_run
from distill.recipes import show_value
from distill.runs import Run


@dataclasses.dataclass(frozen=True)
class Candidate:
    """The distilled students of one grid point, of which the first seed's can be deployed."""

    point: GridPoint
    run: Run
    cost: Cost
    validation: list[float]  # accuracies, one for each seed

    @property
    def parameters(self) -> int:
        """The number of parameters of the student."""
        return self.run.metrics["parameters"]

    @property
    def milliseconds(self) -> float:
        """The median latency for one image."""
        return self.cost.speeds[0].milliseconds

    @property
    def accuracy(self) -> float:
        """The mean accuracy on validation data."""
        return float(np.mean(self.validation))


def candidates(results: Results) -> list[Candidate]:
    """Returns the distilled students of every grid point, the smallest first.

    Those whose data are gone are left out.
    """
    if "distilled" not in results.variants:
        return []
    found = [
        Candidate(
            point,
            runs[0],
            measured,
            results.accuracies("distilled", point.setting, "validation"),
        )
        for point in results.points
        if (runs := point.present("distilled"))
        and (data := data_of_run(point.recipe, runs[0])) is not None
        and (measured := cost(results, runs[0], data)) is not None
    ]
    return sorted(found, key=lambda each: (each.parameters, each.milliseconds))


def fits(results: Results, candidate: Candidate) -> bool:
    """Whether a student keeps the limits of the recipe."""
    limits = results.recipe.experiment
    return candidate.parameters <= (limits.max_params or math.inf) and (
        candidate.milliseconds <= (limits.max_latency_ms or math.inf)
    )


def recommended(results: Results, students: list[Candidate]) -> Candidate | None:
    """Returns the smallest student that is about as good as the best one, on validation data.

    Of the students that keep the limits, it is the smallest whose mean validation accuracy is at
    most one standard error below the highest; `None` if no student keeps them.

    Source: the one-standard-error rule of Breiman, Friedman, Olshen and Stone (1984),
    Classification and Regression Trees, section 3.4.3.
    """
    students = [each for each in students if fits(results, each)]
    if not students:
        return None
    best = max(students, key=lambda each: each.accuracy)
    least = best.accuracy - _standard_error(results, best)
    good = [each for each in students if each.accuracy >= least]
    return min(good, key=lambda each: (each.parameters, -each.accuracy))


def _standard_error(results, candidate):
    """Of the mean over seeds; with one seed, that of a share of the validation images."""
    values = candidate.validation
    if len(values) > 1:
        return float(np.std(values, ddof=1)) / math.sqrt(len(values))
    images = candidate.run.metrics[results.checkpoint]["validation"]["examples"]
    return math.sqrt(values[0] * (1 - values[0]) / images)


def have_sizes(results: Results) -> bool:
    """Whether the students of an experiment have several sizes."""
    if not results.axes or "distilled" not in results.variants:
        return False
    runs = [run for point in results.points for run in point.present("distilled")]
    return len({run.metrics["parameters"] for run in runs}) > 1


def students_table(results: Results) -> Table | None:
    """Makes the table of students of several sizes; the recommended one is bold."""
    if not have_sizes(results):
        return None
    students = candidates(results)
    chosen = recommended(results, students)
    rows = []
    for each in students:
        time = each.cost.speeds[0]
        rows.append(
            [
                *(show_value(each.point.setting[axis.field]) for axis in results.varied),
                f"{each.parameters:,}",
                "–" if each.cost.adds is None else f"{each.cost.adds / 1e6:,.3g}",
                kilobytes(each.cost.weight_bytes),
                f"{time.milliseconds:.2f} ({time.low:.2f}–{time.high:.2f})",
                percent(each.validation).removesuffix(" %"),
            ]
        )
    headings = [axis.title for axis in results.varied]
    headings += ["params", "MACs, M", "kB", "ms", "validation, %"]
    efficient = "; ".join(
        results.name_of(each.point) for each in students if _is_efficient(each, students)
    )
    notes = (
        f"Bold: the smallest student{limits_of(results)} within one standard error of the best "
        f"validation accuracy. No other student is both smaller and better (Pareto): {efficient}. "
        "MACs: multiply-adds for one image. kB: weights. ms: one image, median and quartiles, of "
        "the compiled Keras model on the machine that made this table."
    )
    bold = [number for number, each in enumerate(students) if each is chosen]
    return Table(headings, rows, "Distilled students by size", notes, bold)


def _is_efficient(candidate, students):
    return not any(
        other.accuracy >= candidate.accuracy
        and other.parameters <= candidate.parameters
        and (other.accuracy, -other.parameters) != (candidate.accuracy, -candidate.parameters)
        for other in students
    )


def limits_of(results: Results) -> str:
    """Says in words what limits the recipe sets: `" with at most 5,000 parameters"`."""
    limits = results.recipe.experiment
    found = []
    if limits.max_params:
        found.append(f"at most {limits.max_params:,} parameters")
    if limits.max_latency_ms:
        found.append(f"at most {limits.max_latency_ms:g} ms")
    return f" with {' and '.join(found)}" if found else ""


def recommendation(results: Results) -> str | None:
    """Names the recommended student and compares it with its teacher in one sentence."""
    students = candidates(results)
    chosen = recommended(results, students)
    if chosen is None:
        return f"There is no student{limits_of(results)}." if students else None
    name = results.name_of(chosen.point) or "the distilled student"
    beginning = f"Recommended on validation data{limits_of(results)}: {name}"
    teachers = chosen.point.present("teacher") if "teacher" in results.variants else []
    if not (teachers and teachers[0].has_model):
        return f"{beginning} ({chosen.parameters:,} parameters)."
    teacher = teachers[0]
    reached = results.accuracies("teacher", chosen.point.setting, "validation")
    smaller = teacher.metrics["parameters"] / chosen.parameters
    data = data_of_run(chosen.point.recipe, teacher)
    measured = None if data is None else cost(results, teacher, data)
    faster = measured.speeds[0].milliseconds / chosen.milliseconds if measured else math.nan
    return (
        f"{beginning}; against its teacher {signed(chosen.accuracy - float(np.mean(reached)))} "
        f"points, {_times(smaller, 'smaller', 'larger')}, {_times(faster, 'faster', 'slower')}."
    )


def _times(factor, more, less):
    word = more if factor >= 1 else less
    factor = factor if factor >= 1 else 1 / factor
    return f"{factor:.0f} times {word}" if factor >= 9.5 else f"{factor:.1f} times {word}"

"""Sentences about an experiment: did distillation help, by how much, and what can be deployed."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from distill.analysis.costs import cost
from distill.analysis.numbers import count, equals, percent, signed, too_few
from distill.analysis.results import Comparison, Results, data_of_run
from distill.analysis.statistics import LEAST_SEEDS, LEVEL, PairedDifference, seeds_needed
from distill.analysis.students import candidates, have_sizes, limits_of, recommended
from distill.experiments.variants import VARIANTS
from distill.recipes import show_value
from distill.runs import Run


def sentences(results: Results) -> list[str]:
    """Says what an experiment found, the most important first."""
    compared, best = results.against_baseline(), results.best_point()
    where = f"Best grid point on validation data: {results.name_of(best)}. " if results.axes else ""
    if not compared:
        return [_accuracy_sentence(results, best, where)]
    found = [
        where + verdict(each.difference, each.other, each.distilled)
        for each in compared
        if each.point is best
    ]
    if results.axes:
        found.append(_outcomes_sentence(compared))
    found += map(_ablation_sentence, results.against_ablations())
    found += _rates_sentences(results)
    if results.missing:
        is_or_are = "is" if results.missing == 1 else "are"
        found.append(
            f"{count(results.missing, 'run')} {is_or_are} missing; these results cover the others."
        )
    return found


def verdict(difference: PairedDifference, before: float, after: float) -> str:
    """Says in one sentence whether distillation helped, hurt, made no difference, or neither.

    `before` and `after` are the mean test accuracies of the baseline and the distilled student.

    >>> print(verdict(PairedDifference(0.051, 0.03, 0.072, 0.002, 5), 0.881, 0.932))
    Distillation helped: test accuracy rose from 88.1 % to 93.2 %, by 5.1 points (95 % interval \
+3.0 to +7.2, p = 0.002, 5 seeds).
    """
    moved = f"test accuracy stayed at {after * 100:.1f} %"
    if difference.mean:
        moved = (
            f"test accuracy {'rose' if difference.mean > 0 else 'fell'} from {before * 100:.1f} % "
            f"to {after * 100:.1f} %, by {abs(difference.mean) * 100:.1f} points"
        )
    inconclusive = f"Inconclusive with {count(difference.seeds, 'seed')}: {moved}"
    if difference.seeds < LEAST_SEEDS:
        return f"{inconclusive} ({too_few(difference.seeds)}); run 5 seeds (--seeds 5)."
    if difference.outcome == "inconclusive":
        return f"{inconclusive} ({evidence(difference)}){_seeds_sentence(difference)}."
    # Rounded up to a tenth of a point, so that the sentence is true.
    within = math.ceil(round(max(-difference.low, difference.high) * 1000, 6)) / 10
    beginnings = {
        "better": "Distillation helped",
        "worse": "Distillation hurt",
        "equivalent": f"Equivalent within {within:.1f} points",
    }
    return f"{beginnings[difference.outcome]}: {moved} ({evidence(difference)})."


def evidence(difference: PairedDifference) -> str:
    """Says on what a verdict rests: the interval, the p-value and the number of seeds."""
    interval = f"95 % interval {signed(difference.low)} to {signed(difference.high)}"
    found = f"{interval}, {equals(difference.p_value)}, {count(difference.seeds, 'seed')}"
    if difference.comparisons == 1:
        return found
    return f"{found}; corrected for {difference.comparisons} comparisons"


class Deployment(NamedTuple):
    """The run whose student can be deployed, or `None`, and a sentence about it."""

    run: Run | None
    sentence: str


def deployment(results: Results) -> Deployment | None:
    """Names the file of the student that can be deployed, or says why none should be.

    It is the distilled student of the first seed; in a grid over students of several sizes, that of
    the recommended grid point. The result is `None` for another grid, and without a distilled
    student. A student that is slower than its teacher or less accurate than its baseline is not
    offered without saying so.
    """
    if "distilled" not in results.variants or (results.axes and not have_sizes(results)):
        return None
    point = results.points[0]
    if results.axes:
        students = candidates(results)
        chosen = recommended(results, students)
        if chosen is None:
            return Deployment(None, f"No model to deploy: no student{limits_of(results)}.")
        point = chosen.point
    if not (runs := point.present("distilled")):
        return None
    reason = _why_not(results, point, runs[0])
    if reason:
        return Deployment(None, f"No model to deploy: the distilled student{reason}.")
    path = runs[0].file_of(results.checkpoint)
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    warnings = "; ".join(_warnings(results, point, runs[0]))
    return Deployment(
        runs[0], f"Small model to deploy: {path}{f' ({warnings})' if warnings else ''}"
    )


def _why_not(results, point, student):
    """Why a student should not be deployed; nothing if it can be."""
    size, limit = student.metrics["parameters"], results.recipe.experiment.max_params
    if limit and size > limit:
        return f" has {size:,} parameters, and --max-params is {limit:,}"
    slowest, time = results.recipe.experiment.max_latency_ms, _latency(results, point, student)
    if slowest and time and time.milliseconds > slowest:
        return f" takes {time.milliseconds:.2g} ms, and --max-latency-ms is {slowest:g}"
    for teacher in _first(results, point, "teacher"):
        of_teacher = teacher.metrics["parameters"]
        if teacher.has_model and size >= of_teacher:
            return f" has {size:,} parameters and is not smaller than its teacher ({of_teacher:,})"
    labels, measured = student.labels("test"), student.metrics[results.checkpoint]["test"]
    share = float(np.bincount(labels).max() / len(labels))
    correct = measured["examples"] - measured["errors"]
    by_luck = stats.binomtest(correct, measured["examples"], share, alternative="greater").pvalue
    if by_luck > LEVEL:
        return (
            f"'s test accuracy, {percent([measured['accuracy']])}, is no better than always "
            f"predicting the most frequent class ({percent([share])})"
        )
    return ""


def _warnings(results, point, student):
    for teacher in _first(results, point, "teacher"):
        ours, other = (_latency(results, point, run) for run in (student, teacher))
        if ours and other and ours.low > other.high:
            yield (
                f"slower than its teacher: {ours.milliseconds:.2g} ms for one image, teacher "
                f"{other.milliseconds:.2g} ms"
            )
    accuracy = student.metrics[results.checkpoint]["test"]["accuracy"]
    for baseline in point.present("baseline") if "baseline" in results.variants else ():
        reached = baseline.metrics[results.checkpoint]["test"]["accuracy"]
        if baseline.seed == student.seed and accuracy < reached:
            yield (
                f"less accurate than its baseline: test accuracy {percent([accuracy])}, baseline "
                f"{percent([reached])}"
            )


def _first(results, point, variant):
    return point.present(variant)[:1] if variant in results.variants else []


def _latency(results, point, run):
    """The time for one image, or `None` if the data are gone."""
    data = data_of_run(point.recipe, run)
    measured = None if data is None else cost(results, run, data)
    return measured and measured.speeds[0]


def _accuracy_sentence(results, point, where):
    title = VARIANTS[results.subject].title
    values = results.accuracies(results.subject, point.setting)
    if not values:
        return "No run is complete yet."
    return (
        f"{where}{title[0].upper()}{title[1:]}: test accuracy {percent(values)} "
        f"({count(len(values), 'seed')})."
    )


def _outcomes_sentence(compared: list[Comparison]) -> str:
    outcomes = [each.difference.outcome for each in compared]
    return (
        f"Over {count(len(compared), 'grid point')}: distillation helped at "
        f"{outcomes.count('better')}, hurt at {outcomes.count('worse')}, was equivalent to the "
        f"baseline at {outcomes.count('equivalent')} and inconclusive at "
        f"{outcomes.count('inconclusive')}."
    )


def _ablation_sentence(comparison: Comparison) -> str:
    difference = comparison.difference
    against = f'Compared with "{VARIANTS[comparison.against].title}"'
    has_interval = difference.seeds >= LEAST_SEEDS
    found = evidence(difference) if has_interval else too_few(difference.seeds)
    if difference.outcome in ("better", "worse"):
        size = f"{abs(difference.mean) * 100:.1f} points {difference.outcome}"
        return f"{against}, the distilled student is {size} ({found})."
    return f"{against}: {difference.outcome}, {signed(difference.mean)} points ({found})."


def _rates_sentences(results):
    """Says which learning rates were chosen for the students before the experiment."""
    recipe = results.recipe
    if rates := recipe.experiment.learning_rates:
        baseline = recipe.training_with(recipe.student.baseline).learning_rate
        yield (
            f"Learning rates, chosen on validation data from {', '.join(map(show_value, rates))}: "
            f"baseline {baseline:g}, distilled student {recipe.training.learning_rate:g}."
        )


def _seeds_sentence(difference):
    """How many seeds would detect the difference found, or half a point if it is almost none."""
    if not math.isfinite(difference.std):
        return ""
    wanted = abs(difference.mean) if abs(difference.mean) >= 0.0005 else 0.005
    seeds = seeds_needed(wanted, difference.std, level=LEVEL / difference.comparisons)
    if seeds is not None and seeds <= difference.seeds:
        return ""  # folds count for less than seeds, or half a point would have been detected
    number = "more than 1000" if seeds is None else f"about {seeds}"
    return f"; {number} seeds would be needed to detect a difference of {wanted * 100:.1f} points"

"""The tables of an experiment, for terminal, Markdown, CSV and page."""

import math
from collections.abc import Sequence

from distill.analysis.numbers import interval, p_value, percent, plain, too_few
from distill.analysis.page.parts import Table
from distill.analysis.results import Comparison, Results, class_errors, distinct, unseen_classes
from distill.analysis.statistics import LEAST_SEEDS, mean_and_std, mean_interval
from distill.experiments.grid import show_setting
from distill.experiments.variants import VARIANTS
from distill.recipes import show_value


def main_table(results: Results) -> Table:
    """Makes the table of test accuracies: a row for each model, or for each grid point."""
    return _grid_table(results) if results.axes else _model_table(results)


def _caption(results):
    runs = [run for point in results.points for runs in point.runs.values() for run in runs]
    counts = {run.metrics[results.checkpoint]["test"]["examples"] for run in runs if run}
    ends = sorted({min(counts), max(counts)}) if counts else []
    images = "–".join(f"{number:,}" for number in ends) or "no"
    folds = results.recipe.experiment.folds
    split = f"{folds}-fold cross-validation, test sets" if folds else "test set"
    return (
        f"{results.title}: {split} of {images} images, {results.checkpoint_name}, {results.spread}"
    )


def _model_table(results):
    rows = []
    for variant in results.variants:
        runs, numbers = results.runs(variant), ["–"] * 3
        count = len(distinct(runs))
        kept = slice(1) if count == 1 else slice(None)
        if runs:
            size = results.parameters(variant)
            numbers = [
                "–" if size is None else f"{size:,}",
                _percent(results.accuracies(variant)[kept]),
                plain(results.errors(variant)[kept]),
            ]
        rows.append([VARIANTS[variant].title, *numbers, str(count)])
    headings = ["model", "parameters", "test accuracy, %", "test errors", "seeds"]
    return Table(headings, rows, caption=_caption(results))


def _grid_table(results):
    """One row for each grid point; the one with the best validation accuracy is bold."""
    compared = {id(each.point): each for each in results.against_baseline()}
    best, rows = results.best_point(), []
    for point in results.points:
        accuracies = [results.accuracies(variant, point.setting) for variant in results.variants]
        row = [show_value(point.setting[axis.field]) for axis in results.varied]
        row += [_percent(each) for each in accuracies]
        row.append(str(min(map(len, accuracies))))
        if compared:
            each = compared.get(id(point))
            row += [_interval(each), _p_value(each)]
        rows.append(row)
    headings = [axis.title for axis in results.varied]
    headings += [*(f"{VARIANTS[variant].title}, %" for variant in results.variants), "seeds"]
    notes = [f"Bold: best validation accuracy of the {VARIANTS[results.subject].title}."]
    if compared:
        headings += ["gain, points", "p"]
        notes.append("Gain: distilled student − baseline, paired over seeds.")
        notes.append(interval_note(compared.values()))
    fixed = {axis.field: axis.values[0] for axis in results.axes if axis not in results.varied}
    if fixed:
        notes.append(f"At every grid point: {show_setting(fixed)}.")
    bold = [number for number, point in enumerate(results.points) if point is best]
    return Table(headings, rows, _caption(results), " ".join(notes), bold)


def comparison_table(results: Results) -> Table | None:
    """Makes the table of the paired comparisons with the baseline, with effect sizes."""
    compared = results.against_baseline()
    if not compared:
        return None
    rows = [
        [
            results.name_of(each.point) or results.title,
            _interval(each),
            _number(each.difference.std * 100, ".2f"),
            _number(each.difference.effect_size, ".1f"),
            _p_value(each),
            str(each.difference.seeds),
        ]
        for each in compared
    ]
    headings = ["distilled student − baseline", "gain, points", "std, points"]
    headings += ["effect size d", "p", "seeds"]
    notes = (
        "Paired t-test over seeds. The effect size d is the mean difference divided by its "
        f"standard deviation. {interval_note(compared)}"
    )
    return Table(headings, rows, notes=notes)


def ablation_table(results: Results) -> Table | None:
    """Makes the table of the distilled student against each ablation, if there are any."""
    compared = results.against_ablations()
    if not compared:
        return None
    rows = [
        [
            VARIANTS[each.against].title,
            _percent(results.accuracies(each.against, each.point.setting)),
            _interval(each),
            _p_value(each),
            str(each.difference.seeds),
        ]
        for each in compared
    ]
    headings = ["ablation", "test accuracy, %", "gain, points", "p", "seeds"]
    notes = f"Gain: distilled student − ablation, paired over seeds. {interval_note(compared)}"
    return Table(headings, rows, "Where the gain comes from", notes)


def interval_note(compared: Sequence[Comparison]) -> str:
    """Says what intervals and p-values are corrected for, and why some are missing."""
    differences = [each.difference for each in compared]
    notes, made = [], [each for each in differences if each.seeds >= LEAST_SEEDS]
    if made and made[0].comparisons > 1:
        number = made[0].comparisons
        notes.append(
            f"95 % intervals and p-values, both corrected for {number} comparisons (Bonferroni)."
        )
    elif made:
        notes.append("In brackets: 95 % interval.")
    few = sorted({each.seeds for each in differences if each.seeds < LEAST_SEEDS})
    return " ".join([*notes, *(f"{too_few(seeds)}." for seeds in few)])


def unseen_classes_table(results: Results) -> Table | None:
    """Makes the table of errors on classes that the students never saw, if there are any.

    It shows them before and after the correction of the bias of these classes.
    """
    rows = []
    for point in results.points:
        unseen = results.unseen(point.setting)
        for variant in results.variants if unseen else ():
            runs = [run for run in point.present(variant) if unseen_classes(run)]
            if runs:
                counts = [_bias_counts(results, run, unseen) for run in runs]
                where = [results.name_of(point)] if results.axes else []
                title = VARIANTS[variant].title
                rows.append([*where, title, *map(plain, zip(*counts, strict=True))])
    if not rows:
        return None
    headings = ["grid point"] if results.axes else []
    headings += ["model", "errors", "on unseen classes", "corrected"]
    headings += ["corrected, on unseen classes", "corrected on the test set"]
    notes = (
        "Test errors. Corrected: one number is added to the logits of the unseen classes. It is "
        "the number with the highest accuracy on validation data. The last column chooses it on "
        "the test set, as Hinton, Vinyals and Dean (2015) did, which is too optimistic."
    )
    return Table(headings, rows, caption="Classes that no student saw", notes=notes)


def _bias_counts(results, run, unseen):
    logits = results.logits(run)
    fair, optimistic = (results.corrected_logits(run, unseen, on) for on in ("validation", "test"))
    every = range(logits.shape[1])
    asked = (logits, every), (logits, unseen), (fair, every), (fair, unseen), (optimistic, every)
    return [class_errors(run, *each) for each in asked]


def runs_table(results: Results) -> Table:
    """Makes the table of all runs, one row each, with unrounded numbers."""
    columns = [
        (split, name)
        for split in ("validation", "test")
        for name in ("accuracy", "errors", "nll", "ece")
    ]
    headings = [*(axis.title for axis in results.axes), "model", "seed", "epoch", "parameters"]
    headings += [*(f"{split} {name}" for split, name in columns), "run"]
    rows = []
    for point in results.points:
        for variant in results.variants:
            for run in point.present(variant):
                measured = run.metrics[results.checkpoint]
                row = [show_value(value) for value in point.setting.values()]
                row += [VARIANTS[variant].title, run.seed, measured["epoch"]]
                row += [run.metrics["parameters"] or ""]
                row += [measured[split][name] for split, name in columns]
                rows.append([*map(str, row), run.folder.name])
    return Table(headings, rows, caption="All runs")


def summary_table(results: Results) -> Table:
    """Makes the table of means over seeds with unrounded numbers, a row for each variant."""
    compared = {id(each.point): each.difference for each in results.against_baseline()}
    headings = [*(axis.title for axis in results.axes), "model", "seeds"]
    headings += ["mean accuracy", "std", "low", "high", "mean errors"]
    headings += ["difference", "difference low", "difference high", "effect size", "p"]
    headings += ["comparisons"]
    rows = []
    for point in results.points:
        for variant in results.variants:
            values = results.accuracies(variant, point.setting)
            if not values:
                continue
            errors = results.errors(variant, point.setting)
            row = [*map(show_value, point.setting.values()), VARIANTS[variant].title, len(values)]
            row += [*mean_and_std(values), *mean_interval(values), sum(errors) / len(errors)]
            each = compared.get(id(point)) if variant == "distilled" else None
            numbers = [""] * 6
            if each is not None:
                numbers = [each.mean, each.low, each.high, each.effect_size]
                numbers += [each.p_value, each.comparisons]
            rows.append([*map(_unrounded, row + numbers)])
    return Table(headings, rows, caption=_caption(results))


def _percent(accuracies):
    """A percentage without its sign, which stands in the heading."""
    return percent(accuracies).removesuffix(" %") if accuracies else "–"


def _unrounded(value):
    return "" if isinstance(value, float) and not math.isfinite(value) else str(value)


def _interval(comparison):
    return "–" if comparison is None else interval(comparison.difference)


def _p_value(comparison):
    return p_value(comparison.difference.p_value if comparison else math.nan)


def _number(value, form):
    return "–" if math.isnan(value) else f"{value:{form}}"

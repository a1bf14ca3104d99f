"""The tables of an experiment: the same rows for terminal, Markdown, CSV and page."""

import csv
import dataclasses
import io
import math
import shlex
from pathlib import Path

from distill.experiments.arms import ARMS
from distill.experiments.grid import axis_name, show, show_setting
from distill.experiments.results import Results
from distill.experiments.statistics import mean_and_std, mean_interval
from distill.experiments.summary import (
    accuracies,
    against_labels,
    against_shown,
    chosen_by,
    chosen_cell,
)
from distill.report.numbers import percent, plain, points
from distill.report.page import Table


def title(results: Results) -> str:
    """Returns the experiment's name, with its data where that is another."""
    recipe = results.recipe
    return recipe.name if recipe.name == recipe.dataset else f"{recipe.name} on {recipe.dataset}"


def command_line(results: Results) -> str:
    """Returns the command that made the experiment, without the folder of the script."""
    if results.command is None:
        return "a program that called run_experiment"
    return shlex.join(["python", Path(results.command[0]).name, *results.command[1:]])


def main_table(results: Results) -> Table:
    """Makes the table of test accuracies: a row for each model, in a grid for each setting."""
    return _grid_table(results) if results.axes else _model_table(results)


def _caption(results):
    counts = {
        run.metrics[results.shown]["test"]["examples"]
        for cell in results.cells
        for runs in cell.runs.values()
        for run in runs
        if run is not None
    }
    examples = "–".join(map(str, sorted({min(counts), max(counts)}))) if counts else "no"
    epoch = "last epoch" if results.shown == "last" else "epoch of best validation accuracy"
    folds = results.recipe.folds
    split = f"{folds}-fold cross-validation, test sets" if folds else "test set"
    return f"{title(results)}: {split} of {examples} images, {epoch}, mean ± std of seeds"


def _model_table(results):
    rows = []
    for arm, runs in results.cells[0].runs.items():
        present = [run for run in runs if run is not None]
        if not present:
            rows.append([ARMS[arm].title, "–", "–", "–", "0"])
            continue
        rows.append(
            [
                ARMS[arm].title,
                f"{present[0].metrics['parameters']:,}",
                percent(accuracies(present, results.shown)),
                plain([run.metrics[results.shown]["test"]["errors"] for run in present]),
                str(len(present)),
            ]
        )
    headings = ["model", "parameters", "test accuracy", "test errors", "seeds"]
    return Table(headings, rows, caption=_caption(results))


def _grid_table(results):
    """One row for each setting; the setting that is best on validation stands out."""
    compared = {id(each.cell): each for each in against_labels(results)}
    chosen, strong, rows = chosen_cell(results), (), []
    for number, cell in enumerate(results.cells):
        if cell is chosen:
            strong = (number,)
        row = [show(value) for value in cell.setting.values()]
        for arm in results.arms:
            values = accuracies(cell.runs[arm], results.shown)
            row.append(percent(values).removesuffix(" %") if values else "–")
        row.append(str(min(len(accuracies(cell.runs[arm], "last")) for arm in results.arms)))
        if compared:
            each = compared.get(id(cell))
            row.extend([_points(each), _p_value(each.p_value if each else math.nan)])
        rows.append(row)
    headings = [axis_name(axis.field) for axis in results.axes]
    short = [ARMS[arm].title.removeprefix("student ") for arm in results.arms]
    headings += [*(f"{name}, %" for name in short), "seeds"]
    title = ARMS[chosen_by(results)].title
    notes = f"The setting with the best validation accuracy of the {title} stands out."
    if compared:
        headings += ["difference, points", "p"]
        notes += (
            " The difference is distilled − from labels, of the same seeds, with its 95 % "
            f"interval; p is Holm's, corrected for {len(compared)} comparisons."
        )
    return Table(headings, rows, caption=_caption(results), notes=notes, strong=strong)


def comparison_table(results: Results) -> Table | None:
    """Makes the table of the paired comparisons with the student from labels, for the page."""
    compared = against_labels(results)
    if not compared:
        return None
    rows = [
        [
            show_setting(each.cell.setting) or title(results),
            _points(each),
            _number(each.difference.std * 100, ".2f"),
            _number(each.difference.effect_size, ".1f"),
            _p_value(each.difference.p_value),
            _p_value(each.p_value),
            str(each.difference.seeds),
        ]
        for each in compared
    ]
    headings = ["distilled − from labels", "points, 95 % interval", "std, points", "effect size d",
                "p", "p, Holm", "seeds"]  # fmt: skip
    notes = "Paired over seeds, Student's t; d is the mean difference by its standard deviation."
    if len(compared) > 1:
        notes += f" Holm's p is corrected for {len(compared)} comparisons."
    return Table(headings, rows, notes=notes)


def controls_table(results: Results) -> Table | None:
    """Makes the table of the distilled student against each control, where there are any."""
    compared = against_shown(results)
    if not compared:
        return None
    rows = [
        [
            ARMS[each.against].title,
            percent(accuracies(each.cell.runs[each.against], results.shown)),
            _points(each),
            _p_value(each.p_value),
            str(each.difference.seeds),
        ]
        for each in compared
    ]
    headings = ["control", "test accuracy", "distilled − control, points", "p", "seeds"]
    notes = f"p is Holm's, corrected for {compared[0].comparisons} comparisons."
    return Table(headings, rows, caption="Where the gain comes from", notes=notes)


def _points(comparison):
    if comparison is None:
        return "–"
    difference = comparison.difference
    return points(difference.mean, difference.low, difference.high)


def _p_value(value):
    return "< 0.001" if value < 0.001 else _number(value, ".2g")


def _number(value, form):
    return "–" if math.isnan(value) else f"{value:{form}}"


def runs_table(results: Results) -> Table:
    """Makes the table of all runs, one row each, with unrounded numbers."""
    headings = [axis.field for axis in results.axes]
    headings += ["model", "seed", "epoch", "parameters"]
    headings += [f"{split} {name}" for split in ("validation", "test")
                 for name in ("accuracy", "errors", "nll", "ece")]  # fmt: skip
    headings += ["run"]
    rows = []
    for cell in results.cells:
        for arm, runs in cell.runs.items():
            for run in runs:
                if run is None:
                    continue
                shown = run.metrics[results.shown]
                row = [show(value) for value in cell.setting.values()]
                row += [ARMS[arm].title, run.seed, shown["epoch"], run.metrics["parameters"]]
                row += [shown[split][name] for split in ("validation", "test")
                        for name in ("accuracy", "errors", "nll", "ece")]  # fmt: skip
                rows.append([*map(str, row), run.folder.name])
    return Table(headings, rows, caption="All runs")


def as_csv(table: Table) -> str:
    """Returns a table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.headings, *table.rows])
    return text.getvalue()


def summary_table(results: Results) -> Table:
    """Makes the table of means over seeds with unrounded numbers, a row for each arm."""
    compared = {id(each.cell): each for each in against_labels(results)}
    headings = [axis.field for axis in results.axes]
    headings += ["model", "seeds", "mean accuracy", "std", "low", "high", "mean errors"]
    headings += ["difference", "difference low", "difference high", "effect size", "p", "p Holm"]
    rows = []
    for cell in results.cells:
        for arm in results.arms:
            values = accuracies(cell.runs[arm], results.shown)
            if not values:
                continue
            errors = [run.metrics[results.shown]["test"]["errors"]
                      for run in cell.runs[arm] if run is not None]  # fmt: skip
            row = [*map(show, cell.setting.values()), ARMS[arm].title, len(values)]
            row += [*mean_and_std(values), *mean_interval(values), sum(errors) / len(errors)]
            each = compared.get(id(cell)) if arm == "distilled" else None
            if each is None:
                row += [""] * 6
            else:
                difference = dataclasses.asdict(each.difference)
                row += [difference[name] for name in
                        ("mean", "low", "high", "effect_size", "p_value")]  # fmt: skip
                row.append(each.p_value)
            rows.append([*map(str, row)])
    return Table(headings, rows, caption=_caption(results))

"""The report page of an experiment: what is shown of its runs, and in what order."""

import re

import numpy as np

from distill.errors import UserError
from distill.evaluation import per_class_accuracy
from distill.experiments.arms import ARMS, CONTROLS
from distill.experiments.grid import axis_name, show, show_setting
from distill.experiments.omitted import bias_table
from distill.experiments.page_images import images
from distill.experiments.page_models import Focus, costs, errors, learning_curves, worth
from distill.experiments.results import Results
from distill.experiments.summary import accuracies, chosen_cell, sentences
from distill.experiments.tables import (
    command_line,
    comparison_table,
    controls_table,
    main_table,
    runs_table,
    title,
)
from distill.preparation import data_of
from distill.report import figures
from distill.report.page import Code, Page, Picture, Section, Table
from distill.run_folder import read_json


def make_page(results: Results) -> Page:
    """Makes the report of an experiment from its runs.

    Args:
        results: the experiment; runs that are missing are left out.

    Returns:
        The page.
    """
    said, cell = sentences(results), chosen_cell(results)
    cell_runs = {arm: [run for run in runs if run is not None] for arm, runs in cell.runs.items()}
    cell_runs = {arm: runs for arm, runs in cell_runs.items() if runs}
    sections = [_tables(results)]
    if results.axes:
        sections.append(_along_axes(results))
    if cell_runs:
        data = _data(cell.recipe, next(iter(cell_runs.values()))[0])
        where = f"At {show_setting(cell.setting)}. " if cell.setting else ""
        focus = Focus(results, cell, cell_runs, data, where)
        sections += [learning_curves(focus), worth(focus), errors(focus), *images(focus),
                     costs(focus)]  # fmt: skip
    sections += [_all_runs(results), _reproduce(results)]
    more = [*said[1:], *results.damaged]
    sections = [section for section in sections if section is not None]
    return Page(f"distill: {title(results)}", said[0], more, sections)


def _data(recipe, run):
    """The images of a run's test, or none where they cannot be had any more."""
    try:
        data = data_of(recipe.with_seed(run.seed))
    except (UserError, OSError):
        return None
    known = read_json(run.folder / "settings.json")["identity"]["data"]
    return data if data.fingerprint == known else None


def _tables(results):
    epoch = "of the last epoch" if results.shown == "last" else "of the best epoch on validation"
    text = (
        f"Everything on this page is of the models {epoch}. The test set plays no part in training "
        "or in any choice."
    )
    tables = [main_table(results), comparison_table(results), controls_table(results),
              bias_table(results)]  # fmt: skip
    asked = [[ARMS[arm].title, ARMS[arm].question] for arm in results.arms if arm in CONTROLS]
    if asked:
        tables.append(Table(["control", "what it asks"], asked))
    return Section("Result", text, [table for table in tables if table])


def _along_axes(results):
    """A curve for one axis, a heat map for two, one for each further combination of three."""
    axes, arms = results.axes, results.arms
    if len(axes) == 1:
        axis, name = axes[0], axis_name(axes[0].field)
        items = [
            _axis_curve(results, f"{split} accuracy", split) for split in ("test", "validation")
        ]
        if axis.field in ("omitted_classes", "kept_classes"):
            items.insert(0, _axis_curve(results, "test accuracy on the omitted classes", "omitted"))
        return Section(f"Along {name}", "", items)
    rows, columns = axes[-2:]
    items = []
    arm = "distilled" if "distilled" in arms else arms[-1]
    rest = {tuple(cell.setting[axis.field] for axis in axes[:-2]): [] for cell in results.cells}
    for cell in results.cells:
        rest[tuple(cell.setting[axis.field] for axis in axes[:-2])].append(cell)
    for fixed, cells in rest.items():
        shape = len(rows.values), len(columns.values)
        found = [accuracies(cell.runs[arm], results.shown) for cell in cells]
        means = np.array([np.mean(each) if each else np.nan for each in found]).reshape(shape)
        stds = [np.std(each, ddof=1) if len(each) > 1 else np.nan for each in found]
        figure = figures.heat_map(
            axis_name(rows.field), [*map(show, rows.values)],
            axis_name(columns.field), [*map(show, columns.values)],
            means, np.array(stds).reshape(shape), "test accuracy",
        )  # fmt: skip
        named = zip((axis.field for axis in axes[:-2]), fixed, strict=True)
        where = show_setting(dict(named))
        caption = f"{ARMS[arm].title.capitalize()}, mean ± std over seeds{where and ': '}{where}."
        alt = f"Heat map of test accuracy; the numbers are in the table above. {caption}"
        items.append(Picture(figure, alt, caption))
    return Section(f"Over {axis_name(rows.field)} and {axis_name(columns.field)}", "", items)


def _axis_curve(results, quantity, split):
    (axis,) = results.axes
    values = [value if isinstance(value, int | float) and not isinstance(value, bool)
              else show(value) for value in axis.values]  # fmt: skip
    series = {
        ARMS[arm].title: [
            _omitted_accuracies(cell, arm, results.shown) if split == "omitted"
            else accuracies(cell.runs[arm], results.shown, split)
            for cell in results.cells
        ]
        for arm in results.arms
    }  # fmt: skip
    figure = figures.axis_curve(axis_name(axis.field), values, series, quantity)
    alt = f"{quantity} along {axis_name(axis.field)}: " + "; ".join(
        f"{label} {', '.join(_mean(seeds) for seeds in each)}" for label, each in series.items()
    )
    return Picture(figure, alt, f"{quantity.capitalize()}, mean and 95 % interval over seeds.")


def _omitted_accuracies(cell, arm, shown):
    """Test accuracies on the classes that the students of a setting did not see."""
    students = [run for runs in cell.runs.values() for run in runs if run and run.role != "teacher"]
    if not students:
        return []
    identity = read_json(students[0].folder / "settings.json")["identity"]
    if not identity["omitted_classes"]:
        return []
    found = []
    for run in cell.runs[arm]:
        if run is not None:
            of_classes = per_class_accuracy(run.predictions(shown, "test"), run.labels("test"))
            found.append(float(np.mean(of_classes[identity["omitted_classes"]])))
    return found


def _mean(seeds):
    return f"{np.mean(seeds):.1%}" if seeds else "missing"


def _all_runs(results):
    table = runs_table(results)
    rows = [[_rounded(cell) for cell in row] for row in table.rows]
    caption = f"{len(rows)} rows; runs.csv has them unrounded"
    return Section("All runs", "", [Table(table.headings, rows, caption=caption, folded=True)])


def _rounded(text):
    return f"{float(text):.4f}" if re.fullmatch(r"\d+\.\d{5,}(e-\d+)?", text) else text


def _reproduce(results: Results):
    run = next((run for cell in results.cells for runs in cell.runs.values() for run in runs
                if run is not None), None)  # fmt: skip
    items = [Code(command_line(results), "The command")]
    if run is not None:
        settings = read_json(run.folder / "settings.json")
        versions = [[name, version or "not installed"]
                    for name, version in settings["versions"].items()]  # fmt: skip
        versions.append(["commit of distill", _short_commit(settings["git_commit"])])
        first, count = results.recipe.seed, results.recipe.seeds
        versions.append(["seeds", f"{first}" if count == 1 else f"{first} to {first + count - 1}"])
        items.append(Table(["package", "version"], versions))
        values = [[name, _value(value)] for name, value in vars(results.recipe).items()]
        items.append(Table(["recipe", "value"], values, "The recipe", folded=True))
    return Section("How to reproduce this", "", items)


def _short_commit(commit):
    return "unknown" if commit is None else commit.replace(commit[:40], commit[:12])


def _value(value):
    if isinstance(value, dict):
        return " ".join(f"{name}={show(option)}" for name, option in value.items()) or "none"
    return show(value)

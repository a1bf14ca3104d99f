"""The report of an experiment: which sections it has, and in what order."""

import re

import numpy as np

from distill.analysis.figures.curves import axis_curve
from distill.analysis.figures.matrices import heat_map
from distill.analysis.page.images import image_sections
from distill.analysis.page.models import Focus, model_sections
from distill.analysis.page.parts import Code, Page, Picture, Section, Table
from distill.analysis.results import Results
from distill.analysis.sentences import sentences
from distill.analysis.statistics import LEAST_SEEDS
from distill.analysis.tables import (
    ablation_table,
    comparison_table,
    main_table,
    runs_table,
    unseen_classes_table,
)
from distill.errors import UserError
from distill.evaluation import per_class_accuracy
from distill.experiments.grid import show_setting
from distill.experiments.variants import ABLATIONS, VARIANTS
from distill.recipes import Recipe, effects_of, short_name, show_value
from distill.training.data import data_of


def make_page(results: Results) -> Page:
    """Makes the report of an experiment from its runs.

    Args:
        results: the experiment; missing runs are left out.

    Returns:
        The page.
    """
    found, point = sentences(results), results.best_point()
    sections = [_result(results)]
    if results.axes:
        sections.append(_along_axes(results))
    runs = {variant: point.present(variant) for variant in results.variants}
    runs = {variant: each for variant, each in runs.items() if each}
    if runs:
        data = _data(point.recipe, next(iter(runs.values()))[0])
        where = f"At {show_setting(point.setting)}. " if point.setting else ""
        focus = Focus(results, point, runs, data, where)
        curves, quality, errors, *costs = model_sections(focus)
        sections += [curves, quality, errors, *image_sections(focus), *costs]
    sections += [_all_runs(results), _reproduce(results)]
    more = [*found[1:], *results.damaged]
    present = [section for section in sections if section is not None]
    return Page(f"distill: {results.title}", found[0], more, present)


def _data(recipe, run):
    """The data of a run, or `None` if they are gone or have changed."""
    try:
        data = data_of(recipe.with_seed(run.seed))
    except (UserError, OSError):
        return None
    known = run.settings()["identity"]["data"]
    return data if data.fingerprint == known else None


def _result(results):
    last = results.checkpoint == "last"
    checkpoint = "the last epoch" if last else "the epoch with the best validation accuracy"
    text = (
        f"This page reports the models of {checkpoint}. Neither training nor any choice uses the "
        "test set."
    )
    makers = main_table, comparison_table, ablation_table, unseen_classes_table
    tables = [make(results) for make in makers]
    asked = [[VARIANTS[each].title, ABLATIONS[each].question] for each in results.ablations]
    if asked:
        tables.append(Table(["ablation", "question"], asked))
    return Section("Result", text, [table for table in tables if table])


def _along_axes(results):
    """A curve for one axis, a heat map for two, one heat map for each combination of the others."""
    if len(results.axes) > 1:
        rows, columns = (short_name(axis.field) for axis in results.axes[-2:])
        return Section(f"Over {rows} and {columns}", "", [*_heat_maps(results)])
    (axis,) = results.axes
    items = []
    for split in ("test", "validation"):

        def accuracies(variant, point, split=split):
            return results.accuracies(variant, point.setting, split)

        items.append(_axis_curve(results, f"{split} accuracy", accuracies))
    if any(results.unseen(point.setting) for point in results.points):
        quantity = "test accuracy on the unseen classes"
        items.insert(0, _axis_curve(results, quantity, _unseen_accuracies(results)))
    return Section(f"Along {short_name(axis.field)}", "", items)


def _axis_curve(results, quantity, accuracies):
    (axis,) = results.axes
    name = short_name(axis.field)
    series = {
        VARIANTS[variant].title: [accuracies(variant, point) for point in results.points]
        for variant in results.variants
    }
    means = "; ".join(
        f"{title} {', '.join(f'{np.mean(each):.1%}' if each else 'missing' for each in found)}"
        for title, found in series.items()
    )
    has_intervals = any(len(each) >= LEAST_SEEDS for found in series.values() for each in found)
    caption = f"{quantity.capitalize()}, mean over seeds"
    caption += " and its 95 % interval." if has_intervals else "."
    figure = axis_curve(name, axis.values, series, quantity)
    return Picture(figure, f"{quantity.capitalize()} along {name}: {means}", caption)


def _unseen_accuracies(results):
    def accuracies(variant, point):
        unseen = results.unseen(point.setting)
        if not unseen:
            return []
        of_classes = [
            per_class_accuracy(results.logits(run), run.labels("test"))
            for run in point.present(variant)
        ]
        return [float(np.mean(each[unseen])) for each in of_classes]

    return accuracies


def _heat_maps(results):
    *others, rows, columns = results.axes
    title, groups = VARIANTS[results.subject].title, {}
    for point in results.points:
        fixed = {axis.field: point.setting[axis.field] for axis in others}
        groups.setdefault(show_setting(fixed), []).append(point)
    for where, points in groups.items():
        shape = len(rows.values), len(columns.values)
        found = [results.accuracies(results.subject, point.setting) for point in points]
        means = np.array([np.mean(each) if each else np.nan for each in found]).reshape(shape)
        stds = [np.std(each, ddof=1) if len(each) > 1 else np.nan for each in found]
        figure = heat_map(
            (short_name(rows.field), [*map(show_value, rows.values)]),
            (short_name(columns.field), [*map(show_value, columns.values)]),
            means,
            np.array(stds).reshape(shape),
            "test accuracy",
        )
        caption = f"{title.capitalize()}, mean ± std over seeds{where and ': '}{where}."
        alt = f"Heat map of test accuracy; the table above holds the numbers. {caption}"
        yield Picture(figure, alt, caption)


def _all_runs(results):
    table = runs_table(results)
    rows = [[_rounded(text) for text in row] for row in table.rows]
    caption = f"{len(rows)} rows; runs.csv holds the unrounded numbers"
    return Section("All runs", "", [Table(table.headings, rows, caption=caption, folded=True)])


def _rounded(text):
    return f"{float(text):.4f}" if re.fullmatch(r"\d+\.\d{5,}(e-\d+)?", text) else text


def _reproduce(results):
    items = [Code(results.command_line, "The command")]
    runs = [run for point in results.points for runs in point.runs.values() for run in runs if run]
    if runs:
        settings = runs[0].settings()
        versions = [
            [name, version or "not installed"]
            for name, version in settings.get("versions", {}).items()
        ]
        commit = settings.get("git_commit") or "unknown"
        versions.append(["commit of distill", commit.replace(commit[:40], commit[:12])])
        first, last = results.recipe.seed, results.recipe.seed + results.recipe.experiment.seeds - 1
        versions.append(["seeds", f"{first}" if first == last else f"{first} to {last}"])
        items.append(Table(["package", "version"], versions))
        values = [[name, _value(results.recipe.value(name))] for name in effects_of(Recipe)]
        items.append(Table(["recipe", "value"], values, "The recipe", folded=True))
    return Section("How to reproduce this", "", items)


def _value(value):
    if isinstance(value, dict):
        return " ".join(f"{name}={show_value(option)}" for name, option in value.items()) or "none"
    return show_value(value)

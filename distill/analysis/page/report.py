"""The report of an experiment: which sections it has, and in what order."""

import re

import numpy as np

from distill.analysis.figures.curves import axis_curve, what_is_drawn
from distill.analysis.figures.matrices import heat_map
from distill.analysis.page.images import image_sections
from distill.analysis.page.models import Focus, model_sections
from distill.analysis.page.parts import Code, Page, Picture, Section, Table
from distill.analysis.results import Results, data_of_run, distinct
from distill.analysis.sentences import sentences
from distill.analysis.tables import (
    ablation_table,
    comparison_table,
    main_table,
    runs_table,
    unseen_classes_table,
)
from distill.evaluation import per_class_accuracy
from distill.experiments.grid import show_setting
from distill.experiments.variants import ABLATIONS, VARIANTS
from distill.recipes import Recipe, effects_of, show_value


def make_page(results: Results) -> Page:
    """Makes the report of an experiment from its runs; missing runs are left out."""
    found, point = sentences(results), results.best_point()
    sections = [_result(results)]
    if results.axes:
        sections.append(_along_axes(results))
    runs = {variant: distinct(point.present(variant)) for variant in results.variants}
    runs = {variant: each for variant, each in runs.items() if each}
    if runs:
        data = data_of_run(point.recipe, next(iter(runs.values()))[0])
        where = f"At {results.name_of(point)}. " if results.axes else ""
        focus = Focus(results, point, runs, data, where)
        *models, costs = model_sections(focus)
        sections += [*models, *image_sections(focus), costs]
    sections += [_all_runs(results), _reproduce(results)]
    present = [section for section in sections if section is not None]
    return Page(f"distill: {results.title}", found[0], [*found[1:], *results.damaged], present)


def _result(results):
    text = (
        f"This page reports the models of the {results.checkpoint_name}. Neither training nor any "
        "choice uses the test set."
    )
    makers = main_table, comparison_table, ablation_table, unseen_classes_table
    tables = [make(results) for make in makers]
    asked = [[VARIANTS[each].title, ABLATIONS[each].question] for each in results.ablations]
    if asked:
        tables.append(Table(["ablation", "question"], asked))
    return Section("Result", text, [table for table in tables if table])


def _along_axes(results):
    """A curve for one axis, a heat map for two, one heat map for each combination of the others."""
    if len(results.varied) > 1:
        rows, columns = (axis.title for axis in results.varied[-2:])
        return Section(f"Over {rows} and {columns}", "", [*_heat_maps(results)])

    def unseen_accuracies(variant, point):
        unseen = results.unseen(point.setting)
        of_classes = [
            per_class_accuracy(results.logits(run), run.labels("test"))
            for run in (point.present(variant) if unseen else ())
        ]
        return [float(np.mean(each[unseen])) for each in of_classes]

    def accuracies(split):
        return lambda variant, point: results.accuracies(variant, point.setting, split)

    quantities = {f"{split} accuracy": accuracies(split) for split in ("test", "validation")}
    if any(results.unseen(point.setting) for point in results.points):
        quantities = {"test accuracy on the unseen classes": unseen_accuracies} | quantities
    items = [_axis_curve(results, *quantity) for quantity in quantities.items()]
    return Section(f"Along {results.varied[0].title}", "", items)


def _axis_curve(results, quantity, values_of):
    (axis,) = results.varied
    series = {
        VARIANTS[variant].title: [values_of(variant, point) for point in results.points]
        for variant in results.variants
    }
    means = "; ".join(
        f"{title} {', '.join(f'{np.mean(each):.1%}' if each else 'missing' for each in found)}"
        for title, found in series.items()
    )
    caption = f"{quantity.capitalize()}, {what_is_drawn(series)}."
    figure = axis_curve(axis.title, axis.values, series, quantity)
    return Picture(figure, f"{quantity.capitalize()} along {axis.title}: {means}", caption)


def _heat_maps(results):
    *others, rows, columns = results.varied
    groups = {}
    for point in results.points:
        fixed = {axis.field: point.setting[axis.field] for axis in others}
        groups.setdefault(show_setting(fixed), []).append(point)
    for where, points in groups.items():
        shape = len(rows.values), len(columns.values)
        found = [results.accuracies(results.subject, point.setting) for point in points]
        means = [np.mean(each) if each else np.nan for each in found]
        stds = [np.std(each, ddof=1) if len(each) > 1 else np.nan for each in found]
        figure = heat_map(
            (rows.title, [*map(show_value, rows.values)]),
            (columns.title, [*map(show_value, columns.values)]),
            np.array(means).reshape(shape),
            np.array(stds).reshape(shape),
            "test accuracy",
        )
        title = VARIANTS[results.subject].title.capitalize()
        caption = f"{title}, {results.spread}{where and ': '}{where}."
        alt = f"Heat map of test accuracy; the table above holds the numbers. {caption}"
        yield Picture(figure, alt, caption)


def _all_runs(results):
    table = runs_table(results)
    rows = [[_rounded(text) for text in row] for row in table.rows]
    caption = f"{len(rows):,} rows; runs.csv holds the unrounded numbers"
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

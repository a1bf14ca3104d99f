"""Writes the results of an experiment: terminal, Markdown, CSV, report, TensorBoard."""

from pathlib import Path

import tensorflow as tf
from rich.console import Console
from tensorboard.plugins.hparams import api as hparams

from distill.analysis.figures.curves import draw_learning_curves
from distill.analysis.page.html import write_page
from distill.analysis.page.parts import Page
from distill.analysis.page.report import make_page
from distill.analysis.results import Results
from distill.analysis.sentences import deployment, sentences
from distill.analysis.students import have_sizes, recommendation, students_table
from distill.analysis.tables import (
    ablation_table,
    main_table,
    runs_table,
    summary_table,
    unseen_classes_table,
)
from distill.experiments.variants import VARIANTS
from distill.files import write_text
from distill.recipes import short_name, show_value


def write_all(results: Results, console: Console) -> Page:
    """Prints tables and sentences, writes the experiment's folder, and returns the report."""
    makers = main_table, ablation_table, unseen_classes_table, students_table
    tables = [make(results) for make in makers]
    tables = [table for table in tables if table]
    found = sentences(results)
    if have_sizes(results) and (advice := recommendation(results)):
        found.append(advice)
    below = [f"{line}\n" for line in (*found, f"Made by `{results.command_line}`.")]
    markdown = "\n".join([*(table.markdown() for table in tables), *below])
    write_text(results.folder / "table.md", markdown)
    write_text(results.folder / "summary.csv", summary_table(results).csv())
    write_text(results.folder / "runs.csv", runs_table(results).csv())
    for table in tables:
        table.print(console)
    console.print(found[0], style="bold", highlight=False, markup=False)
    for line in [*found[1:], *results.damaged]:
        console.print(line, highlight=False, markup=False)
    if results.axes:
        _write_hparams(results)
    elif histories := results.histories(results.variants):
        draw_learning_curves(results.folder / "learning_curves.png", histories, results.title)
    page = make_page(results)
    console.print(f"Report: {_write_page(page, results)}", soft_wrap=True)
    if (to_deploy := deployment(results)) is not None:
        console.print(to_deploy.sentence, soft_wrap=True, highlight=False, markup=False)
    return page


def write_report(results: Results) -> Path:
    """Writes the report of an experiment, and returns its path."""
    return _write_page(make_page(results), results)


def _write_page(page, results):
    path = results.folder / "report.html"
    write_page(path, page)
    return path


def _write_hparams(results):
    """One TensorBoard session for each grid point and seed: its settings and accuracies."""
    for point in results.points:
        shown = {short_name(field): show_value(value) for field, value in point.setting.items()}
        name = "_".join(f"{field}-{value}" for field, value in shown.items())
        name = name.replace(" ", "-").replace("/", "-")
        numbers = {
            short_name(field): value
            for field, value in point.setting.items()
            if isinstance(value, int | float)
        }
        for seed, runs in enumerate(zip(*point.runs.values(), strict=True), results.recipe.seed):
            if None not in runs:
                _write_session(results, shown | numbers | {"seed": seed}, name, runs)


def _write_session(results, values, name, runs):
    folder = results.folder / "tensorboard" / f"{name}_seed-{values['seed']}"
    for older in folder.glob("events.out.tfevents.*"):
        older.unlink()
    with tf.summary.create_file_writer(str(folder)).as_default():
        hparams.hparams(values, trial_id=f"{name}, seed {values['seed']}")
        for variant, run in zip(results.variants, runs, strict=True):
            for split in ("validation", "test"):
                accuracy = run.metrics[results.checkpoint][split]["accuracy"]
                tf.summary.scalar(f"{split} accuracy/{VARIANTS[variant].title}", accuracy, step=0)

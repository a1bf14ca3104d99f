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
from distill.analysis.sentences import sentences, shipping
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
    """Prints tables and sentences, and writes everything into the experiment's folder.

    Args:
        results: the experiment.
        console: where they are printed.

    Returns:
        The report.
    """
    tables = [make(results) for make in (main_table, ablation_table, unseen_classes_table)]
    tables = [table for table in tables if table]
    found = sentences(results)
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
    else:
        histories = results.histories(results.variants)
        if histories:
            draw_learning_curves(results.folder / "learning_curves.png", histories, results.title)
    page = make_page(results)
    console.print(f"Report: {_write_page(page, results)}", soft_wrap=True)
    if (to_ship := shipping(results)) is not None:
        console.print(to_ship, soft_wrap=True, highlight=False, markup=False)
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
        fields = {short_name(field): value for field, value in point.setting.items()}
        name = "_".join(f"{field}-{show_value(value)}" for field, value in fields.items())
        name = name.replace(" ", "-").replace("/", "-")
        for number, runs in enumerate(zip(*point.runs.values(), strict=True)):
            if None not in runs:
                _write_session(results, fields, results.recipe.seed + number, name, runs)


def _write_session(results, fields, seed, name, runs):
    folder = results.folder / "tensorboard" / f"{name}_seed-{seed}"
    tf.io.gfile.makedirs(str(folder))
    for older in folder.glob("events.out.tfevents.*"):
        older.unlink()
    values = {
        field: value if isinstance(value, int | float) else show_value(value)
        for field, value in fields.items()
    }
    with tf.summary.create_file_writer(str(folder)).as_default():
        hparams.hparams(values | {"seed": seed}, trial_id=f"{name}, seed {seed}")
        for variant, run in zip(results.variants, runs, strict=True):
            for split in ("validation", "test"):
                accuracy = run.metrics[results.checkpoint][split]["accuracy"]
                tf.summary.scalar(f"{split} accuracy/{VARIANTS[variant].title}", accuracy, step=0)

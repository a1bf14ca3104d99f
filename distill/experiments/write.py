"""Writes what an experiment found: terminal, Markdown, CSV, report page, TensorBoard."""

from pathlib import Path

import tensorflow as tf
from rich.console import Console
from tensorboard.plugins.hparams import api as hparams

from distill.experiments.arms import ARMS
from distill.experiments.grid import axis_name, show
from distill.experiments.omitted import bias_table
from distill.experiments.page import make_page
from distill.experiments.results import Results
from distill.experiments.summary import sentences
from distill.experiments.tables import (
    as_csv,
    command_line,
    controls_table,
    main_table,
    runs_table,
    summary_table,
    title,
)
from distill.report.figures import draw_learning_curves
from distill.report.page import Page, write_page
from distill.report.tables import markdown_table, print_table
from distill.run_folder import Run, replacing


def write_all(results: Results, console: Console) -> Page:
    """Prints the tables and what they say, and writes everything into the experiment's folder.

    Args:
        results: the experiment.
        console: where it is printed.

    Returns:
        The report.
    """
    tables = main_table(results), controls_table(results), bias_table(results)
    tables = [table for table in tables if table]
    said = sentences(results)
    said_below = [*said, f"Made by `{command_line(results)}`."]
    markdown = "\n".join([*map(markdown_table, tables), *(f"{line}\n" for line in said_below)])
    _write(results.folder / "table.md", markdown)
    _write(results.folder / "summary.csv", as_csv(summary_table(results)))
    _write(results.folder / "runs.csv", as_csv(runs_table(results)))
    for table in tables:
        print_table(table, console)
    console.print(said[0], style="bold", highlight=False, markup=False)
    for line in [*said[1:], *results.damaged]:
        console.print(line, highlight=False, markup=False)
    if results.axes:
        _write_hparams(results)
    else:
        _draw_learning_curves(results)
    page = make_page(results)
    console.print(f"Report: {_write_page(page, results)}", soft_wrap=True)
    shipped = None if results.axes else results.cells[0].runs.get("distilled", [None])[0]
    if shipped:
        path = shipped.file_of(results.shown)
        if path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())
        console.print(f"Small model to ship: {path}", soft_wrap=True)
    return page


def write_report(results: Results) -> Path:
    """Writes the experiment's page, and returns its path."""
    return _write_page(make_page(results), results)


def _write_page(page, results):
    path = results.folder / "report.html"
    write_page(path, page)
    return path


def _write(path, text):
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def _draw_learning_curves(results):
    """The curves of all models that were trained here, over all seeds."""
    runs = results.cells[0].runs
    trained = {
        ARMS[arm].title: [run for run in runs[arm] if run is not None and _was_trained(run)]
        for arm in results.arms
    }
    trained = {name: runs for name, runs in trained.items() if runs}
    if not trained:
        return
    histories = {name: [run.history() for run in runs] for name, runs in trained.items()}
    draw_learning_curves(results.folder / "learning_curves.png", histories, title(results))


def _was_trained(run: Run) -> bool:
    return run.metrics["last"]["epoch"] is not None


def _write_hparams(results):
    """One TensorBoard session for each setting and seed: the axes' values, and the accuracies."""
    for cell in results.cells:
        for number, runs in enumerate(zip(*cell.runs.values(), strict=True)):
            if None in runs:
                continue
            seed = results.recipe.seed + number
            values = {axis_name(field): value if isinstance(value, int | float) else show(value)
                      for field, value in cell.setting.items()} | {"seed": seed}  # fmt: skip
            name = "_".join(f"{axis_name(field)}-{show(value)}".replace(" ", "-").replace("/", "-")
                            for field, value in cell.setting.items())  # fmt: skip
            folder = results.folder / "tensorboard" / f"{name}_seed-{seed}"
            tf.io.gfile.makedirs(str(folder))
            for older in folder.glob("events.out.tfevents.*"):
                older.unlink()
            with tf.summary.create_file_writer(str(folder)).as_default():
                hparams.hparams(values, trial_id=f"{name}, seed {seed}")
                for arm, run in zip(cell.runs, runs, strict=True):
                    for split in ("validation", "test"):
                        accuracy = run.metrics[results.shown][split]["accuracy"]
                        tf.summary.scalar(f"{split} accuracy/{ARMS[arm].title}", accuracy, step=0)

"""Inspects finished runs: lists them, compares two of them, and makes a report again."""

from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from distill.analysis.numbers import equals, percent, signed
from distill.analysis.page.parts import Table
from distill.analysis.quality import quality, quality_rows
from distill.analysis.reading import read_results, results_of_run
from distill.analysis.sentences import sentences
from distill.analysis.statistics import mcnemar
from distill.analysis.write import write_all, write_report
from distill.errors import UserError
from distill.evaluation import agreement
from distill.experiments.plan import FILE
from distill.runs import Run, open_run


def list_runs(runs: Path) -> None:
    """Prints the experiments and the complete runs in a folder, then what is damaged."""
    console = Console()
    if not runs.is_dir():
        raise UserError(f"There is no folder {runs}; give the one that holds runs with --runs.")
    table = RichTable.grid(padding=(0, 2))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, overflow="fold")
    table.add_row("run", "settings", "last", "best", style="bold")
    damaged = []
    for metrics in sorted(runs.glob("*/*/metrics.json")):
        try:
            table.add_row(*_run_row(metrics.parent, runs))
        except UserError as error:
            damaged.append(str(error))
        except (KeyError, TypeError, ValueError, AttributeError):
            damaged.append(f"The run in {metrics.parent} is damaged; move its folder away.")
    console.print(
        f"Complete runs in {runs}, with the test accuracy of the last epoch and of the epoch with "
        "the best validation accuracy:",
        soft_wrap=True,
    )
    console.print(table, highlight=False)
    for path in sorted(runs.glob(f"*/*/{FILE}")):
        try:
            found = sentences(read_results(path.parent))[0]
        except UserError as error:
            damaged.append(str(error))
            continue
        console.print(str(path.parent.relative_to(runs)), style="bold", soft_wrap=True)
        console.print(f"  {found}", highlight=False, markup=False)
    for sentence in damaged:
        console.print(sentence, style="red", soft_wrap=True, highlight=False, markup=False)


def _run_row(folder, runs):
    run = open_run(folder)
    settings = run.settings()
    epochs = run.metrics["last"]["epoch"]
    shown = "not trained here" if epochs is None else f"{epochs} epochs"
    if "teacher" in settings["identity"]:
        values = settings["recipe"]["distillation"]
        shown = f"{values['method']}, T {values['temperature']:g}, alpha {values['alpha']:g}"
    accuracies = [
        percent([run.metrics[checkpoint]["test"]["accuracy"]]) for checkpoint in ("last", "best")
    ]
    return str(folder.relative_to(runs)), shown, *accuracies


def compare_runs(first: Path, second: Path, checkpoint: str = "last") -> None:
    """Prints how the models of two runs compare on the same test examples.

    The models are those of the `"last"` or `"best"` epoch. A `UserError` says that a folder holds
    no complete run, or that the runs have different data.
    """
    console = Console()
    runs = [_require_run(folder) for folder in (first, second)]
    data = [run.settings()["identity"]["data"] for run in runs]
    if data[0] != data[1]:
        raise UserError(
            f"The runs {first} and {second} were tested on different data; compare two runs with "
            "the same data and split."
        )
    logits = [run.predictions(checkpoint, "test") for run in runs]
    labels = runs[0].labels("test")
    rows = quality_rows([[quality(run, checkpoint)] for run in runs])
    for name, run in zip(("first", "second"), runs, strict=True):
        console.print(f"{name}: {run.folder}", soft_wrap=True, highlight=False)
    caption = f"test set of {len(labels):,} images, {checkpoint} epoch"
    Table(["", "first", "second"], rows, caption).print(console)
    test = mcnemar(*(values.argmax(axis=1) == labels for values in logits))
    for line in (
        f"Of {len(labels):,} test images, only the first model is correct on {test.only_a:,}, and "
        f"only the second on {test.only_b:,}.",
        f"Both predict the same class on {agreement(*logits) * 100:.1f} %.",
        f"First − second: {signed(test.difference)} points of accuracy (95 % interval "
        f"{signed(test.low)} to {signed(test.high)}, {equals(test.p_value)}, McNemar's exact "
        "test).",
        "This compares two models, not two ways of training. To compare those, train several seeds "
        "with distillation_train.py.",
    ):
        console.print(line, highlight=False)


def rebuild_report(folder: Path) -> None:
    """Makes the report of an experiment or of one run again."""
    console = Console()
    if (folder / "metrics.json").is_file():
        results = results_of_run(folder)
        console.print(sentences(results)[0], highlight=False)
        console.print(f"Report: {write_report(results)}", soft_wrap=True)
    else:
        write_all(read_results(folder), console)


def _require_run(folder: Path) -> Run:
    run = open_run(folder) if folder.is_dir() else None
    if run is None:
        raise UserError(
            f"The folder {folder} holds no complete run; give one that `python -m distill list` "
            "shows."
        )
    return run

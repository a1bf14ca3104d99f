"""Looking at what is there: a list of runs and experiments, two runs compared, a report anew."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from distill.errors import UserError
from distill.evaluation import agreement
from distill.experiments.arms import MODELS
from distill.experiments.command import command_of
from distill.experiments.measures import measure_rows, quantities
from distill.experiments.results import FILE, Cell, Results, read_results
from distill.experiments.statistics import bootstrap_difference, mcnemar
from distill.experiments.summary import sentences
from distill.experiments.write import write_all, write_report
from distill.recipes import Recipe
from distill.report import page
from distill.report.numbers import percent
from distill.report.tables import print_table
from distill.run_folder import Run, open_run, read_json


def list_runs(runs: Path, console: Console | None = None) -> None:
    """Prints the experiments and the complete runs under a folder.

    Args:
        runs: folder under which run folders lie.
        console: where they are printed; the terminal by default.

    Raises:
        UserError: there is no such folder.
    """
    console = console or Console()
    if not runs.is_dir():
        raise UserError(f"There is no folder {runs}; give the one that holds runs with --runs.")
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, overflow="fold")
    table.add_row("run", "settings", "last", "best", style="bold")
    damaged = []
    for metrics in sorted(runs.glob("*/*/metrics.json")):
        name = str(metrics.parent.relative_to(runs))
        try:
            run = open_run(metrics.parent)
            table.add_row(name, _settings(run), _accuracy(run, "last"), _accuracy(run, "best"))
        except UserError as error:
            damaged.append(str(error))
        except (KeyError, TypeError):
            damaged.append(f"The file {metrics} is damaged; move its folder away.")
    console.print(f"Complete runs in {runs}, with the test accuracy of the last epoch and of the "
                  "best on validation:", soft_wrap=True)  # fmt: skip
    console.print(table, highlight=False)
    for found in sorted(runs.glob(f"*/*/{FILE}")):
        try:
            said = sentences(read_results(found.parent))[0]
        except UserError as error:
            damaged.append(str(error))
            continue
        console.print(f"[bold]{found.parent.relative_to(runs)}[/]", soft_wrap=True)
        console.print(f"  {said}", highlight=False)
    for sentence in damaged:
        console.print(sentence, style="red", soft_wrap=True, highlight=False, markup=False)


def _settings(run):
    recipe = read_json(run.folder / "settings.json")["recipe"]
    if run.role == "distilled":
        return f"{recipe['method']}, T {recipe['temperature']:g}, alpha {recipe['alpha']:g}"
    epochs = run.metrics["last"]["epoch"]
    return "from a file" if epochs is None else f"{epochs} epochs"


def _accuracy(run, epoch):
    return percent([run.metrics[epoch]["test"]["accuracy"]])


def compare_runs(
    first: Path, second: Path, epoch: str = "last", console: Console | None = None
) -> None:
    """Compares the models of two runs on the same test examples.

    Args:
        first: a run's folder.
        second: another run's folder.
        epoch: `"last"` or `"best"`, which of their models.
        console: where the comparison is printed; the terminal by default.

    Raises:
        UserError: a folder holds no complete run, or the runs have different data.
    """
    console = console or Console()
    runs = [_require_run(folder) for folder in (first, second)]
    data = [read_json(run.folder / "settings.json")["identity"]["data"] for run in runs]
    if data[0] != data[1]:
        raise UserError(
            f"The runs {first} and {second} were tested on different data; compare two runs of the "
            "same data and split."
        )
    logits = [run.predictions(epoch, "test") for run in runs]
    labels = runs[0].labels("test")
    right = [values.argmax(axis=1) == labels for values in logits]
    rows = measure_rows([[quantities(run, epoch)] for run in runs])
    for name, run in zip(("first", "second"), runs, strict=True):
        console.print(f"{name}: {run.folder}", soft_wrap=True, highlight=False)
    caption = f"test set of {len(labels)} images, {epoch} epoch"
    print_table(page.Table(["", "first", "second"], rows, caption), console)
    test = mcnemar(*right)
    low, high = bootstrap_difference(*right)
    p_value = "p < 0.001" if test.p_value < 0.001 else f"p = {test.p_value:.2g}"
    difference = (right[0].mean() - right[1].mean()) * 100
    console.print(
        f"Of {len(labels)} test images, the first alone is right on {test.only_a}, the second "
        f"alone on {test.only_b} (McNemar's test, {p_value}); they predict the same class on "
        f"{agreement(*logits):.1%}. Accuracy differs by {difference:+.1f} points (95 % bootstrap "
        f"interval {low * 100:+.1f} to {high * 100:+.1f}).".replace("%.", " %."),
        highlight=False,
    )
    console.print(
        "This compares these two models, not the ways in which they were trained: for that, "
        "compare several seeds with distillation_train.py.",
        highlight=False,
    )


def rebuild_report(folder: Path, console: Console | None = None) -> None:
    """Makes the report of an experiment, or of one run, anew.

    Args:
        folder: of an experiment or of a run.
        console: where it is said; the terminal by default.

    Raises:
        UserError: the folder holds neither.
    """
    console = console or Console()
    if (folder / "metrics.json").is_file():
        results = of_one_run(_require_run(folder))
        console.print(sentences(results)[0], highlight=False)
        console.print(f"Report: {write_report(results)}", soft_wrap=True)
        return
    write_all(read_results(folder), console)


def of_one_run(run: Run) -> Results:
    """Returns one run as an experiment of one setting and one seed."""
    settings = read_json(run.folder / "settings.json")
    try:
        recipe = Recipe(**settings["recipe"])
    except TypeError as error:
        raise UserError(
            f"The settings in {run.folder} are not those of this version ({error}); train anew."
        ) from error
    arm = next(name for name in MODELS if MODELS[name].role == run.role)
    cell = Cell({}, recipe, {arm: [run]})
    command = command_of(recipe, (), (arm,), run.folder.parent.parent)
    return Results(recipe, (), (arm,), [cell], command, run.folder, [])


def _require_run(folder: Path) -> Run:
    run = open_run(folder) if folder.is_dir() else None
    if run is None:
        raise UserError(
            f"The folder {folder} holds no complete run; give one that `python -m distill list` "
            "shows."
        )
    return run

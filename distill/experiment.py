"""`run_experiment`: one experiment from plan to report."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from distill.analysis.numbers import count
from distill.analysis.page.parts import Page
from distill.analysis.reading import read_results
from distill.analysis.results import Results
from distill.analysis.sentences import deployment
from distill.analysis.write import write_all
from distill.data import write_split
from distill.deployment import export_run
from distill.errors import UserError
from distill.experiments.command import command_of
from distill.experiments.execution import Failure, execute
from distill.experiments.grid import Axis
from distill.experiments.job import Executor, execute_plan, print_data
from distill.experiments.plan import make_plan
from distill.experiments.progress import make_console
from distill.experiments.tuning import choose_learning_rates
from distill.experiments.variants import MAIN_VARIANTS
from distill.export import get_format
from distill.recipes import Recipe
from distill.training.data import data_of


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an experiment leaves.

    Attributes:
        results: its finished runs.
        failures: the runs that failed.
        page: the report.
        not_exported: why the student was not exported in the formats of the recipe, if it failed.
    """

    results: Results
    failures: list[Failure]
    page: Page
    not_exported: str | None = None


def run_experiment(
    recipe: Recipe,
    runs: Path | str = "runs",
    axes: Sequence[Axis] = (),
    variants: Sequence[str] = tuple(MAIN_VARIANTS),
    retrain: bool = False,
    console: Console | None = None,
    executor: Executor = execute,
    command: list[str] | None = None,
) -> Outcome:
    """Trains the missing runs of an experiment, compares them and writes a report.

    If the recipe names formats, the distilled student of the first seed is exported, unless it
    should not be deployed. Of a grid, only the recommended one of students of several sizes is.

    Args:
        recipe: the recipe, with its first seed and number of seeds.
        runs: folder under which run folders lie.
        axes: what is varied, as `parse_axis` reads it; empty for the main job.
        variants: what is trained at each grid point, names in
            `distill.experiments.variants.VARIANTS`.
        retrain: train complete runs again; the old folders are renamed.
        console: where plan, progress, tables and sentences are printed; by default the terminal.
        executor: where runs execute; see `distill.experiments.execution.execute`.
        command: the command line that results name; by default the one that does the same.

    A failed run does not end the others.

    Raises:
        UserError: the recipe asks for something that cannot be had, or no run could be trained.
    """
    console = console or make_console()
    formats, runs = _usable(recipe.experiment.export, console), Path(runs)
    command = command or command_of(recipe, axes, variants, runs)
    plan = make_plan(recipe, axes, variants, runs)
    print_data(plan, console)
    _keep_split(plan, console)
    tuned = choose_learning_rates(recipe, axes, variants, runs, console, executor)
    if tuned != recipe:
        plan = make_plan(tuned, axes, variants, runs)
    folder, failures = execute_plan(plan, console, retrain, executor, command)
    results = read_results(folder)
    page = write_all(results, console)
    if failures:
        failed = count(len(failures), "run")
        console.print(f"[red]{failed} failed[/]; the same command tries again:")
    for failure in failures:
        line = f"  {failure.spec.title}: {failure.reason}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    return Outcome(results, failures, page, _export(results, formats, console))


def _keep_split(plan, console):
    """Writes down which images of a folder are in which split, unless a file says it already."""
    recipe = plan.recipe
    chosen, path = recipe.data, plan.folder.parent / "split.csv"
    is_whole = not (chosen.split or chosen.include or chosen.exclude or recipe.experiment.folds)
    if is_whole and Path(chosen.name).is_dir():
        write_split(path, data_of(recipe.with_seed(recipe.seed)))
        console.print(f"The split: {path} (--split FILE takes it again).", soft_wrap=True)


def _usable(formats, console):
    """The formats whose packages are installed; says which others are left out."""
    found = []
    for name in formats:
        wanted = get_format(name)
        try:
            wanted.require_packages()
        except UserError as error:
            console.print(f"[yellow]note[/] no export as {name}: {escape(str(error))}")
        else:
            found.append(name)
    return found


def _export(results, formats, console):
    """Exports the student that can be deployed; returns why this failed, if it did."""
    ready = deployment(results) if formats else None
    if ready is None or ready.run is None:
        return None
    try:
        export_run(ready.run.folder, formats, checkpoint=results.checkpoint, console=console)
    except UserError as error:
        console.print(f"[red]not exported[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        return str(error)
    return None

"""One experiment from plan to report: the main job, a grid, or the models of one role."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distill.errors import UserError
from distill.experiments.arms import ARMS, MODELS
from distill.experiments.command import command_of
from distill.experiments.estimate import estimate
from distill.experiments.execution import Failure, StopExperiment, find_complete, run_here, run_task
from distill.experiments.grid import Axis, axis_name, show
from distill.experiments.plan import Task, make_plan
from distill.experiments.results import Results, read_results, write_plan
from distill.experiments.write import write_all
from distill.preparation import data_of
from distill.recipes import Recipe
from distill.report.numbers import percent
from distill.report.page import Page
from distill.report.progress import RunProgress, duration, make_console
from distill.run_folder import Run
from distill.training import check_distillation

Executor = Callable[[Iterable[Task], Callable[[Task, dict[Path, Run]], Run]], Iterator]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What an experiment leaves: its results, the runs that failed, and its report."""

    results: Results
    failures: list[Failure]
    page: Page


def run_experiment(
    recipe: Recipe,
    runs: Path | str,
    axes: Sequence[Axis] = (),
    arms: Sequence[str] = tuple(MODELS),
    fresh: bool = False,
    console: Console | None = None,
    execute: Executor = run_here,
    command: list[str] | None = None,
) -> Experiment:
    """Trains what is missing of an experiment's runs, compares and reports.

    Args:
        recipe: the recipe, with its first seed and number of seeds.
        runs: folder under which run folders lie.
        axes: what is varied; none for the main job.
        arms: what is trained at each setting, names in `distill.experiments.arms.ARMS`.
        fresh: train complete runs anew; the older ones are renamed.
        console: where plan, progress, table and sentence are printed; the terminal by default.
        execute: where runs execute; see `distill.experiments.execution.run_here`.
        command: the command line that results name; by default the one that would do the same.

    Returns:
        The results, the failures and the report. A failed run does not end the others.

    Raises:
        UserError: something of the recipe cannot be had, or no run could be trained.
    """
    console = console or make_console()
    plan = make_plan(recipe, axes, arms, Path(runs))
    _describe(plan, console)
    complete = {} if fresh else _complete(plan)
    wanted = [task for task in plan.tasks.values() if task.folder not in complete]
    seconds = estimate(wanted, by_trial=plan.is_grid)
    _print_plan(plan, complete, seconds, console)
    folder = write_plan(plan, command or command_of(recipe, axes, arms, Path(runs)))
    failures, trained = [], 0
    with RunProgress(console, seconds) as progress:
        trainer = _Trainer(plan, Path(runs), fresh, complete, progress)
        for outcome in execute(plan.tasks.values(), trainer):
            if isinstance(outcome, Failure):
                failures.append(outcome)
                progress.finished()
                line = f"[red]failed[/] {escape(outcome.task.label)}: {escape(outcome.reason)}"
                console.print(line, soft_wrap=True, highlight=False)
            elif outcome.role in plan.roles:
                trained += 1
    if failures and not trained:
        raise UserError(failures[0].reason)
    results = read_results(folder)
    page = write_all(results, console)
    _print_failures(failures, console)
    return Experiment(results, failures, page)


class _Trainer:
    """Trains one task's model, unless it is there, and says so on the console."""

    def __init__(self, plan, runs, fresh, complete, progress):
        self._plan, self._runs, self._fresh = plan, runs, fresh
        self._complete, self._progress = complete, progress
        self._console, self._checked = progress.console, set()
        # Only of these: a teacher that another is made from may know other classes.
        self._teachers = {task.teacher for task in plan.tasks.values() if task.role == "distilled"}
        self._students = {
            distilled: student
            for cell in plan.cells
            for distilled, student in zip(
                cell.get("distilled", ()), cell.get("student", ()), strict=False
            )
        }

    def __call__(self, task: Task, done: dict[Path, Run]) -> Run:
        run = self._complete.get(task.folder)
        if run is None:
            if task.role == "distilled":
                self._check(task, done)
            callbacks = [self._progress.callback(task.label)]
            run = run_task(task, done, self._runs, self._fresh, callbacks)
            self._progress.finished()
            accuracy = percent([run.metrics["last"]["validation"]["accuracy"]])
            seconds = duration(run.metrics["seconds"])
            self._say(f"{task.label}: validation accuracy {accuracy}, {seconds}")
        elif not self._plan.is_grid:
            self._say(f"{task.label}: reused from {run.model_file}")
        if not self._plan.axes and task.folder in self._teachers:
            self._stop_if_pointless(task, run)
        return run

    def _say(self, line):
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _stop_if_pointless(self, task, teacher):
        """Ends an experiment of one setting before time goes into students."""
        try:
            check_distillation(task.recipe, teacher)
        except UserError as error:
            raise StopExperiment(str(error)) from error

    def _check(self, task, done):
        """Checks the first distillation from each teacher; shows what was found the first time."""
        if task.teacher in self._checked:
            return
        student = done.get(self._students.get(task.folder))
        accuracy = student and student.metrics["last"]["validation"]["accuracy"]
        findings = check_distillation(task.recipe, done[task.teacher], accuracy)
        if not self._checked:
            _print_findings(findings, self._console)
        self._checked.add(task.teacher)


def _complete(plan):
    found = {}
    for task in plan.tasks.values():
        with contextlib.suppress(UserError):  # a damaged run is told of when its turn comes
            if run := find_complete(task):
                found[task.folder] = run
    return found


def _describe(plan, console):
    recipe = plan.recipe
    data = data_of(recipe.with_seed(recipe.seed))
    split = f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test"
    console.print(f"Recipe {recipe.name}: {data.name}, {data.classes} classes, {split} images.")
    if data.skipped:
        console.print(f"Left out, unreadable: {', '.join(data.skipped)}.", soft_wrap=True)
    if recipe.label_fraction < 1.0 and plan.roles != {"teacher"}:
        own = "distilled" in plan.arms and recipe.teacher_file is None
        console.print(
            f"The student has labels for {recipe.label_fraction:.0%} of the training images"
            f"{', the teacher for all' if own else ''}."
        )


def _print_plan(plan, complete, seconds, console):
    roles = [task.role for task in plan.tasks.values()]
    if not plan.is_grid:
        teachers = {folder for folder, task in plan.tasks.items() if task.role == "teacher"}
        is_own = plan.recipe.teacher_file is not None
        if "distilled" in plan.arms and not is_own and not teachers & set(complete):
            console.print("No teacher with these settings is there yet: it is trained first.")
        return
    for axis in plan.axes:
        console.print(f"{axis_name(axis.field)}: {', '.join(map(show, axis.values))}")
    for name in plan.arms[len(MODELS) :]:
        console.print(f"control, {ARMS[name].title}: {ARMS[name].question}")
    counts = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
    size = f"{_count(len(plan.settings), 'setting')} × {_count(plan.recipe.seeds, 'seed')}"
    time = f", about {duration(sum(seconds))}" if seconds else ""
    console.print(f"Plan: {size}, {len(roles)} runs ({counts}).", highlight=False)
    done = f"{len(complete)} are there already, {len(seconds)} to train{time}."
    console.print(done, highlight=False)


def _print_findings(findings, console):
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "stop": "[red]stop[/]"}
    table = Table.grid(padding=(0, 1))
    for finding in findings:
        table.add_row("", marks[finding.level], finding.sentence)
    console.print("Check before distillation:")
    console.print(table)


def _print_failures(failures, console):
    if failures:
        count = _count(len(failures), "run")
        console.print(f"[red]{count} failed[/]; the same command tries again:")
    for failure in failures:
        line = f"  {failure.task.label}: {failure.reason}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

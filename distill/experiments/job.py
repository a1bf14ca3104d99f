"""Trains the missing runs of a plan, and says on the terminal what it does."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distill.checks import Finding
from distill.errors import UserError
from distill.experiments.estimate import estimate
from distill.experiments.execution import Failure, StopExperiment, Train, execute
from distill.experiments.plan import Plan, write_plan
from distill.experiments.progress import RunProgress, duration
from distill.experiments.variants import ABLATIONS
from distill.recipes import show_value
from distill.runs import Run, completed
from distill.training.data import data_of
from distill.training.spec import RunSpec
from distill.training.teachers import source_of
from distill.training.train import check_distillation, train

Executor = Callable[[Iterable[RunSpec], Train], Iterator[Run | Failure]]


def execute_plan(
    plan: Plan,
    console: Console,
    retrain: bool = False,
    executor: Executor = execute,
    command: list[str] | None = None,
    is_trial: bool = False,
) -> tuple[Path, list[Failure]]:
    """Trains the runs of a plan that are not complete; the arguments are `run_experiment`'s.

    A trial, which prepares an experiment, says only what it trains.

    Returns:
        The folder of the results, and the runs that failed. A failed run does not end the others.

    Raises:
        UserError: no run of those that the experiment is about could be trained.
    """
    complete = {} if retrain else _complete(plan)
    missing = [spec for key, spec in plan.specs.items() if key not in complete]
    seconds = estimate(missing, by_trial=plan.is_grid and not is_trial)
    if not is_trial:
        _print_plan(plan, complete, seconds, console)
    folder = write_plan(plan, command)
    failures, finished = [], set()
    with RunProgress(console, seconds) as progress:
        trainer = _Trainer(plan, retrain, complete, progress, is_trial)
        for outcome in executor(plan.specs.values(), trainer):
            if isinstance(outcome, Run):
                finished.add(outcome.key)
                continue
            failures.append(outcome)
            progress.finished()
            line = f"[red]failed[/] {escape(outcome.spec.title)}: {escape(outcome.reason)}"
            console.print(line, soft_wrap=True, highlight=False)
    if failures and not finished & plan.subjects:
        raise UserError(failures[0].reason)
    return folder, failures


class _Trainer:
    """Trains a run, unless it is complete, and says so on the console."""

    def __init__(self, plan: Plan, retrain: bool, complete: Mapping[str, Run], progress, is_trial):
        self._plan, self._retrain, self._runs = plan, retrain, dict(complete)
        self._is_trial = is_trial
        self._progress, self._console = progress, progress.console
        self._checked: set[str] = set()  # teachers
        self._findings: dict[str, list[Finding]] = {}  # by teacher, before there is a baseline

    def __reduce__(self):
        """In another process, which has no terminal, it is `train` itself."""
        return functools.partial(train, retrain=self._retrain).__reduce__()

    def __call__(self, spec: RunSpec, inputs: Mapping[str, Run]) -> Run:
        run = self._runs.get(spec.key)
        if run is None:
            if spec.is_distilled and spec.teacher not in self._checked:
                self._check(spec, inputs[spec.teacher])
            run = train(spec, inputs, self._progress, self._retrain)
            self._progress.finished()
            accuracy = f"{_accuracy(run) * 100:.2f} %"
            seconds = duration(run.metrics["seconds"])
            self._say(f"{spec.title}: validation accuracy {accuracy}, {seconds}")
        elif not self._plan.is_grid:
            self._say(f"{spec.title}: reused from {run.model_file}")
        self._runs[spec.key] = run
        if not self._plan.axes:
            self._stop_if_pointless(run)
        return run

    def _say(self, line):
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _stop_if_pointless(self, teacher):
        """Ends the main job before time is spent on students that learn nothing."""
        for spec in self._plan.specs.values():
            if spec.is_distilled and spec.teacher == teacher.key:
                try:
                    self._findings[teacher.key] = check_distillation(spec, teacher)
                except UserError as error:
                    raise StopExperiment(str(error)) from error
                return

    def _check(self, spec, teacher):
        """Checks the first distillation from each teacher; prints the first findings only."""
        baselines = {
            distilled: baseline
            for point in self._plan.points
            for distilled, baseline in zip(
                point.runs.get("distilled", ()), point.runs.get("baseline", ()), strict=False
            )
        }
        baseline = self._runs.get(baselines.get(spec.key))
        accuracy = _accuracy(baseline) if baseline else None
        findings = self._findings.get(spec.teacher)
        if findings is None or (accuracy is not None and accuracy > _accuracy(teacher)):
            findings = check_distillation(spec, teacher, accuracy)
        if not (self._checked or self._is_trial):
            self._print_findings(findings)
        self._checked.add(spec.teacher)

    def _print_findings(self, findings):
        colours = {"ok": "green", "warning": "yellow", "error": "red"}
        table = Table.grid(padding=(0, 1))
        for finding in findings:
            level = f"[{colours[finding.level]}]{finding.level}[/]"
            table.add_row("", level, escape(finding.sentence))
        self._console.print("Check before distillation:")
        self._console.print(table)


def _accuracy(run):
    return run.metrics["last"]["validation"]["accuracy"]


def _complete(plan):
    found = {}
    for key, spec in plan.specs.items():
        with contextlib.suppress(UserError):  # reported when the run's turn comes
            if run := completed(spec.folder, spec.identity):
                found[key] = run
    return found


def print_data(plan: Plan, console: Console) -> None:
    """Prints what an experiment learns from."""
    recipe = plan.recipe
    data = data_of(recipe.with_seed(recipe.seed))
    words = {"train": "training"}
    sizes = ", ".join(
        f"{len(each):,} {words.get(name, name)}" for name, each in data.splits.items()
    )
    line = f"Recipe {recipe.name}: {data.name}, {data.classes} classes, {sizes} images."
    console.print(line, highlight=False)  # which would cut numbers at their commas
    if data.skipped:
        console.print(f"Skipped unreadable files: {', '.join(data.skipped)}.", soft_wrap=True)
    if remark := source_of(recipe).remark(recipe, data):
        console.print(remark, soft_wrap=True)
    fraction = recipe.data.label_fraction
    if fraction < 1.0 and plan.variants != ("teacher",):
        has_teacher = any(spec.is_teacher and spec.is_trained for spec in plan.specs.values())
        console.print(
            f"The student has labels for {fraction:.0%} of the training images"
            f"{', the teacher for all of them' if has_teacher else ''}."
        )


def _print_plan(plan, complete, seconds, console):
    specs = plan.specs
    if not plan.is_grid:
        teachers = {key for key, spec in specs.items() if spec.is_teacher and spec.is_trained}
        if "distilled" in plan.variants and teachers and not teachers & set(complete):
            console.print("There is no teacher with these settings yet, so it is trained first.")
        return
    for axis in plan.axes:
        console.print(f"{axis.title}: {', '.join(map(show_value, axis.values))}")
    for name in plan.variants:
        if name in ABLATIONS:
            console.print(f"ablation, {ABLATIONS[name].title}: {ABLATIONS[name].question}")
    roles = [str(spec.role) for spec in specs.values()]
    counts = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
    size = (
        f"{_count(len(plan.points), 'grid point')} × "
        f"{_count(plan.recipe.experiment.seeds, 'seed')}, {_count(len(specs), 'run')}"
    )
    time = f", about {duration(sum(seconds))}" if seconds else ""
    reused = f"{_count(len(complete), 'run')} reused, {len(seconds)} to train{time}."
    console.print(f"Plan: {size} ({counts}).\n{reused}", highlight=False)


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

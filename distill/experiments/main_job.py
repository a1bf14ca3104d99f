"""The main job: teacher, student from labels and distilled student over seeds, and the verdict."""

import dataclasses
import hashlib
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from distill.experiments.statistics import paired_difference, verdict
from distill.recipes import Recipe
from distill.report.figures import draw_learning_curves
from distill.report.progress import EpochBar
from distill.report.tables import Row, markdown_table, print_table
from distill.run_folder import Run, replacing, write_json
from distill.training import (
    check_distillation,
    find_teacher,
    train_distilled,
    train_student,
    train_teacher,
    validate,
)

TRAINERS = {"teacher": train_teacher, "student": train_student}
TITLES = {
    "teacher": "teacher",
    "student": "student from labels",
    "distilled": "student distilled",
}


@dataclasses.dataclass(frozen=True)
class MainJob:
    """What the main job leaves: the runs of each role, one for each seed, and the verdict."""

    recipe: Recipe
    runs: dict[str, list[Run]]
    verdict: str
    folder: Path


def run_main_job(
    recipe: Recipe, runs: Path | str, fresh: bool = False, console: Console | None = None
) -> MainJob:
    """Trains what is missing of a recipe's three models over its seeds, compares and reports.

    Args:
        recipe: the recipe, with its first seed and number of seeds.
        runs: folder under which run folders lie.
        fresh: train complete runs anew; the older ones are renamed.
        console: where progress, table and verdict are printed; the terminal by default.

    Returns:
        The runs and the verdict.

    Raises:
        UserError: something of the recipe cannot be had, or training would be in vain.
    """
    console = console or Console()
    runs = Path(runs)
    data = validate(recipe)
    _describe(recipe, data, console)
    if recipe.teacher_file is None and (fresh or find_teacher(recipe, runs) is None):
        console.print("No teacher with these settings is there yet: it is trained first.")
    done: dict[str, list[Run]] = {role: [] for role in TITLES}
    with EpochBar(console) as bar:
        for seed in range(recipe.seed, recipe.seed + recipe.seeds):
            one = recipe.with_seed(seed)
            teacher = _run("teacher", one, runs, fresh, bar, console)
            check_distillation(one, teacher)  # before time goes into a student
            student = _run("student", one, runs, fresh, bar, console)
            accuracy = student.metrics["validation"]["accuracy"]
            findings = check_distillation(one, teacher, accuracy)
            if seed == recipe.seed:
                _print_findings(findings, console)
            distilled = _run("distilled", one, runs, fresh, bar, console, teacher)
            for run in (teacher, student, distilled):
                done[run.role].append(run)
            draw_learning_curves(
                distilled.folder / "learning_curves.png",
                {TITLES[run.role]: [run.history()] for run in (student, distilled)},
                title=f"{_title(recipe)}, seed {seed}",
            )
    return _report(recipe, runs, done, console)


def run_role(
    recipe: Recipe,
    role: str,
    runs: Path | str,
    fresh: bool = False,
    console: Console | None = None,
) -> list[Run]:
    """Trains the recipe's teacher, or its student from labels, over its seeds; prints a table.

    Args:
        recipe: the recipe, with its first seed and number of seeds.
        role: `"teacher"` or `"student"`.
        runs: folder under which run folders lie.
        fresh: train complete runs anew; the older ones are renamed.
        console: where progress and table are printed; the terminal by default.

    Returns:
        The runs, one for each seed.
    """
    console = console or Console()
    data = validate(recipe)
    _describe(recipe, data, console)
    done = []
    with EpochBar(console) as bar:
        for seed in range(recipe.seed, recipe.seed + recipe.seeds):
            run = _run(role, recipe.with_seed(seed), Path(runs), fresh, bar, console)
            if role != "teacher" or recipe.teacher_file is None:
                curves = run.folder / "learning_curves.png"
                title = f"{_title(recipe)}, seed {seed}"
                draw_learning_curves(curves, {TITLES[role]: [run.history()]}, title)
            done.append(run)
    examples = done[0].metrics["test"]["examples"]
    print_table([_row(TITLES[role], done)], _heading(recipe, examples), console)
    console.print(f"Results: {done[-1].folder}", soft_wrap=True)
    return done


def _run(role, recipe, runs, fresh, bar, console, teacher=None):
    label = f"{TITLES[role]}, seed {recipe.seed}"
    callbacks = [bar.callback(label)]
    if role == "distilled":
        run = train_distilled(recipe, teacher, runs, fresh, callbacks)
    else:
        run = TRAINERS[role](recipe, runs, fresh, callbacks)
    if run.reused:
        console.print(f"{label}: reused from {run.model_file}", soft_wrap=True)
    return run


def _describe(recipe, data, console):
    split = f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test"
    console.print(f"Recipe {recipe.name}: {data.name}, {data.classes} classes, {split} images.")
    if data.skipped:
        console.print(f"Left out, unreadable: {', '.join(data.skipped)}.", soft_wrap=True)
    if recipe.label_fraction < 1.0:
        console.print(
            f"The student has labels for {recipe.label_fraction:.0%} of the training images; the "
            "teacher saw all labels and gives soft targets on every image."
        )


def _print_findings(findings, console):
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "stop": "[red]stop[/]"}
    table = Table.grid(padding=(0, 1))
    for finding in findings:
        table.add_row("", marks[finding.level], finding.sentence)
    console.print("Check before distillation:")
    console.print(table)


def _title(recipe):
    return recipe.name if recipe.name == recipe.dataset else f"{recipe.name} on {recipe.dataset}"


def _heading(recipe, examples):
    return f"{_title(recipe)}: test set of {examples} images, last epoch, mean ± std of seeds"


def _row(title, runs):
    return Row(
        title=title,
        parameters=runs[0].metrics["parameters"],
        accuracies=[run.metrics["test"]["accuracy"] for run in runs],
        errors=[run.metrics["test"]["errors"] for run in runs],
    )


def _report(recipe, runs, done, console):
    rows = [_row(TITLES[role], done[role]) for role in TITLES]
    distilled, student = rows[2].accuracies, rows[1].accuracies
    examples = done["student"][0].metrics["test"]["examples"]
    difference = paired_difference(distilled, student, resolution=1 / examples)
    sentence = verdict(difference, sum(student) / len(student), sum(distilled) / len(distilled))

    keys = {role: [run.key for run in done[role]] for role in done}
    key = hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:10]
    folder = done["distilled"][0].folder.parent / f"comparison-{recipe.name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    title = _heading(recipe, examples)
    write_json(
        folder / "comparison.json",
        {
            "recipe": dataclasses.asdict(recipe),
            "runs": {role: [run.folder.name for run in done[role]] for role in done},
            "difference": dataclasses.asdict(difference),
            "verdict": sentence,
        },
    )
    with replacing(folder / "table.md") as temporary:
        temporary.write_text(f"{markdown_table(rows, title)}\n{sentence}\n", "utf-8")
    drawn = [role for role in done if role != "teacher" or recipe.teacher_file is None]
    curves = {TITLES[role]: [run.history() for run in done[role]] for role in drawn}
    draw_learning_curves(folder / "learning_curves.png", curves, _title(recipe))
    print_table(rows, title, console)
    console.print(f"[bold]{sentence}[/]", highlight=False)
    console.print(f"Table and learning curves: {folder}", soft_wrap=True)
    console.print(f"Small model to ship: {done['distilled'][0].model_file}", soft_wrap=True)
    return MainJob(recipe, done, sentence, folder)

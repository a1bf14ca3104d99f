"""What `--help` shows: examples first, then the common flags, then all others by section."""

import textwrap
from collections.abc import Iterable
from typing import Any

from cyclopts.help import HelpPanel
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distill.recipes import Recipe, show_value
from distill.recipes.recipe import Training
from distill.recipes.settings import allowed_values

WIDTH = 100
SCRIPTS = {
    "teacher": "teacher_train.py",
    "baseline": "student_train.py",
    "distilled": "distillation_train.py",
}
_METAVARS = {
    "--teacher": "MODEL",
    "--student": "MODEL",
    "--method": "METHOD",
    "--alpha": "WEIGHT",
    "--temperature": "T",
    "--learning-rate": "RATE",
    "--teacher-file": "FILE",
    "--student-file": "FILE",
    "--teacher-predictions": "FILE",
    "--split": "FILE.csv",
    "--max-params": "N",
    "--max-latency-ms": "MS",
    "--teacher.pretraining": "RECIPE|FILE",
    "--distillation.assistant": "MODEL",
}
_DESCRIPTIONS = {
    "teacher": "Train the teacher of a recipe.",
    "baseline": "Train the baseline of a recipe: its student on labels only, without a teacher.",
    "distilled": (
        "Train a recipe's teacher, baseline and distilled student, and report whether distillation "
        "helped."
    ),
}
_EXAMPLES = {
    "--dataset ./photos --teacher-file big.keras": "your own data",
    "--recipe mnist-hinton --seeds 3": "another recipe",
    "--epochs 5 --student.options.hidden 16": "other settings",
    "--grid temperature=1,2,4 student.options.hidden=16,32": "6 grid points",
    "--study early-stopped-teacher": "a named grid",
    "@commandline_args.txt --alpha 0.5": "from a file",
}


def opening(script: str) -> str:
    """Returns the first lines of a script's help: usage, what it does, and examples."""
    command = f"python {SCRIPTS[script]}"
    lines = {f"{command} {flags}": why for flags, why in _EXAMPLES.items()}
    width = max(map(len, lines))
    return "\n".join(
        [
            f"Usage: {command} [FLAG VALUE ...] [@FILE]",
            "",
            textwrap.fill(_DESCRIPTIONS[script], WIDTH),
            "",
            "Examples:",
            *(f"  {line:{width}}  {why}" for line, why in lines.items()),
        ]
    )


# Rarely needed: only `--list settings` shows them.
RARE = frozenset(
    {
        "data.unreadable",
        "data.include",
        "data.noise_kind",
        "student.start",
        "student.image_size",
        "student.quantisation",
        "student.label_smoothing",
        "distillation.soft_targets",
        "distillation.views",
        "distillation.assistant_options",
        "training.optimizer_options",
        "training.schedule_floor",
        "training.warmup_epochs",
        "experiment.first_seed",
    }
)


def epilogue(recipe: Recipe) -> str:
    """Returns the last lines of the help: settings of one model only, and how to write values."""
    width = min(Console().width, WIDTH) - 36
    names = textwrap.wrap(", ".join(Training.model_fields), max(width, 20))
    return "\n".join(
        [
            "Training settings of one model, where they differ from those above:",
            f"  --teacher.training.NAME   of the teacher {_given(recipe.teacher.training)}",
            f"  --student.baseline.NAME   of the baseline {_given(recipe.student.baseline)}",
            f"                            NAME is {names[0]}",
            *(f"                                    {line}" for line in names[1:]),
            "",
            "--list settings explains these settings and rarer ones.",
            "Dashes and underscores in flags are the same; 'none' stands for no value.",
        ]
    )


def _given(overrides):
    given = {name: value for name, value in overrides if value is not None}
    return f"[{_pairs(given) or 'the same'}]"


def _pairs(values):
    return " ".join(f"{name}={show_value(value)}" for name, value in values.items())


def text_of(field: FieldInfo, value: Any) -> str:
    """Returns the help of a setting, with the recipe's value in brackets.

    Examples:
        >>> text_of(Training.model_fields["batch_size"], 32)
        'examples per step [32]'
    """
    text, _, unset = (field.description or "").partition(" (default: ")
    if value is None or value in ((), {}):
        shown = unset.rstrip(")")
    elif isinstance(value, dict):
        shown = _pairs(value)
    else:
        shown = show_value(value)
    return f"{text} [{shown}]" if shown else text


def metavar(flag: str, field: FieldInfo) -> str:
    """Returns what stands for a setting's value in the help, such as `N`."""
    allowed = allowed_values(field)
    kinds = {"a whole number": "N", "a number": "X", "names": "NAME+NAME", "numbers": "X+X"}
    kind = next((kinds[each] for each in kinds if allowed.startswith(each)), "NAME")
    return _METAVARS.get(flag, kind)


def print_columns(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Prints names and texts in two columns; long texts are wrapped."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


class HelpFormatter:
    """Draws the help that Cyclopts collects: `opening`, then two columns for each group."""

    def __init__(self, opening: str):
        self._opening = opening

    def __call__(self, console: Console, options: Any, panel: HelpPanel) -> None:
        """Prints one group of flags."""
        if not panel.entries:
            return
        console.print()
        if str(panel.title).endswith(":"):
            console.print(Text(str(panel.title), style="bold"))
        rows = []
        for entry in panel.entries:
            label = entry.display_labels_with_metavar[0]
            label += "=VALUE" if label.endswith("options NAME") else ""
            parts = console.render(entry.description, options.update(width=1000))
            rows.append((f"  {label}", "".join(part.text for part in parts).strip()))
        print_columns(console, rows)

    def render_usage(self, console: Console, options: Any, usage: Any) -> None:
        """Prints the lines above the flags."""
        console.print(Text(self._opening), soft_wrap=True)

    def render_description(self, console: Console, options: Any, description: Any) -> None:
        """Prints nothing: the description is one of the lines above the flags."""

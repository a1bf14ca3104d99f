"""The command line of the three scripts that trains an experiment."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.experiments.grid import Axis
from distill.experiments.variants import ABLATIONS, MAIN_VARIANTS
from distill.recipes import RECIPES, Recipe, effects_of, flag_of, show_value
from distill.recipes.values import is_options

# What each script trains; the last one also trains ablations.
VARIANTS_OF = {
    "teacher_train.py": ("teacher",),
    "student_train.py": ("baseline",),
    "distillation_train.py": tuple(MAIN_VARIANTS),
}
RUNS = Path("runs")  # the scripts' default


def make_command(
    script: str,
    recipe: str,
    values: Mapping[str, Any],
    study: str | None = None,
    grid: Sequence[str] = (),
    ablations: Sequence[str] = (),
    runs: Path = RUNS,
) -> list[str]:
    """Returns a script and its arguments; `values` are settings that differ from the recipe.

    >>> make_command("student_train.py", "digits", {"student.options.hidden": 8})
    ['student_train.py', '--recipe', 'digits', '--student.options.hidden', '8']
    """
    command = [script, "--recipe", recipe]
    command += ["--study", study] if study else []
    command += ["--grid", *grid] if grid else []
    command += ["--ablations", *ablations] if ablations else []
    for name, value in values.items():
        command += [flag_of(name), _as_text(name, value)]
    return [*command, *(["--runs", str(runs)] if runs != RUNS else [])]


def command_of(
    recipe: Recipe, axes: Sequence[Axis], variants: Sequence[str], runs: Path = RUNS
) -> list[str] | None:
    """Returns the command that trains the same as `run_experiment`; `None` for an unknown recipe.

    >>> recipe = RECIPES["digits"].with_values({"distillation.alpha": 0.5})
    >>> axis = Axis("distillation.temperature", (1.0, 4.0))
    >>> command_of(recipe, [axis], ("teacher",))[1:]
    ['--recipe', 'digits', '--grid', 'temperature=1,4', '--alpha', '0.5']
    """
    if recipe.name not in RECIPES:
        return None
    values = differences(RECIPES[recipe.name], recipe)
    main = tuple(name for name in variants if name in MAIN_VARIANTS)
    script = next((name for name, each in VARIANTS_OF.items() if each == main), [*VARIANTS_OF][-1])
    grid = []
    for axis in axes:
        texts = [_as_text(axis.field, value) for value in axis.values]
        grid.append(f"{flag_of(axis.field)[2:]}={','.join(texts)}")
    ablations = [name for name in variants if name in ABLATIONS]
    return make_command(script, recipe.name, values, None, grid, ablations, runs)


def differences(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Returns the settings in which a recipe differs from another, by dotted name."""
    found: dict[str, Any] = {}
    for name in effects_of(Recipe):
        old, new = before.value(name), after.value(name)
        if isinstance(new, dict):
            changed = {key: value for key, value in new.items() if (old or {}).get(key) != value}
            found |= {f"{name}.{key}": value for key, value in changed.items()}
        elif new != old:
            found[name] = new
    return found


def _as_text(name, value):
    """The text that a flag turns into that value again."""
    if is_options(name.rpartition(".")[0]) and isinstance(value, tuple | list | dict):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return "+".join(map(str, value)) or "none"
    is_short = isinstance(value, float) and float(show_value(value)) == value
    return show_value(value) if is_short or value is None else str(value)

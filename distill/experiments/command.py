"""The command line of the three scripts that trains an experiment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.experiments.arms import CONTROLS, MODELS
from distill.experiments.grid import Axis, show
from distill.recipes import RECIPES, Recipe

# What each script trains; the last one also controls.
ARMS_OF = {
    "teacher_train.py": ("teacher",),
    "student_train.py": ("student",),
    "distillation_train.py": tuple(MODELS),
}
RUNS = Path("runs")  # the scripts' default


def make_command(
    script: str,
    recipe: str,
    fields: Mapping[str, Any],
    study: str | None = None,
    grid: Sequence[str] = (),
    controls: Sequence[str] = (),
    runs: Path = RUNS,
) -> list[str]:
    """Puts a command line together.

    Args:
        script: the script's file.
        recipe: a recipe's name.
        fields: values of its fields that differ.
        study: a study's name.
        grid: axes as `--grid` takes them.
        controls: names of controls.
        runs: folder under which run folders lie.

    Returns:
        The script and its arguments, one text each.

    Example:

    >>> make_command("student_train.py", "digits", {"student_options": {"hidden": 8}, "seeds": 2})
    ['student_train.py', '--recipe', 'digits', '--student-options', 'hidden=8', '--seeds', '2']
    """
    command = [script, "--recipe", recipe]
    command += ["--study", study] if study else []
    command += ["--grid", *grid] if grid else []
    command += ["--controls", *controls] if controls else []
    for field, value in fields.items():
        if isinstance(value, Mapping):
            shown = [f"{name}={_as_text(each)}" for name, each in value.items()]
        else:
            shown = [_as_text(value)]
        command += [f"--{field.replace('_', '-')}", *shown]
    return [*command, *(["--runs", str(runs)] if runs != RUNS else [])]


def command_of(
    recipe: Recipe, axes: Sequence[Axis], arms: Sequence[str], runs: Path = RUNS
) -> list[str] | None:
    """Works out the command line that trains the same as `run_experiment` with these arguments.

    Returns:
        The script and its arguments, or `None` where no script knows the recipe.

    Example:

    >>> recipe = RECIPES["digits"].with_values({"alpha": 0.5})
    >>> command_of(recipe, [Axis("temperature", (1.0, 4.0))], ("teacher",))[1:]
    ['--recipe', 'digits', '--grid', 'temperature=1,4', '--alpha', '0.5']
    """
    if recipe.name not in RECIPES:
        return None
    known = vars(RECIPES[recipe.name])
    fields = {name: value for name, value in vars(recipe).items() if value != known[name]}
    own = tuple(arm for arm in arms if arm not in CONTROLS)
    script = next((name for name, each in ARMS_OF.items() if each == own), [*ARMS_OF][-1])
    grid = [f"{axis.field}={','.join(_as_text(value) or 'none' for value in axis.values)}"
            for axis in axes]  # fmt: skip
    controls = [arm for arm in arms if arm in CONTROLS]
    return make_command(script, recipe.name, fields, None, grid, controls, runs)


def _as_text(value):
    """The text of which a flag makes that value again."""
    if isinstance(value, tuple | list):
        return "+".join(value)
    is_short = isinstance(value, float) and float(show(value)) == value
    return show(value) if is_short or value is None else str(value)

"""Reads the results of an experiment, or of a single run, from its folder."""

import functools
import json
from pathlib import Path

from distill.analysis.results import GridPoint, Results
from distill.errors import UserError
from distill.experiments.command import command_of
from distill.experiments.grid import Axis
from distill.experiments.plan import FILE, FORMAT
from distill.experiments.variants import MAIN_VARIANTS, VARIANTS
from distill.files import damaged as damaged_file
from distill.files import read_arrays, read_json
from distill.recipes import Recipe
from distill.runs import SPLITS, open_run

_MEASURES = {"accuracy", "errors", "examples", "nll", "ece"}


def read_results(folder: Path) -> Results:
    """Reads an experiment and those of its runs that are complete and undamaged.

    Raises:
        UserError: the folder holds no experiment, a damaged one, or one of another format.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(
            f"The folder {folder} holds no experiment ({FILE}); give one that "
            "`python -m distill list` shows."
        )
    content, damaged = read_json(path), {}
    found = content.get("format", "none") if isinstance(content, dict) else "none"
    if found != FORMAT:
        raise UserError(
            f"The file {path} has format {found}, and this version of distill reads format "
            f"{FORMAT}; run the experiment's command again."
        )

    @functools.cache
    def open_once(run_folder):
        try:
            return _open_whole(run_folder)
        except UserError as error:
            damaged[run_folder] = str(error)
            return None

    try:
        recipe = _recipe(content["recipe"])
        axes = tuple(Axis(axis["field"], _tuples(axis["values"])) for axis in content["axes"])
        variants = tuple(name for name in content["variants"] if name in VARIANTS)
        points = []
        for point in content["points"]:
            setting = {field: _tuples(value) for field, value in point["setting"].items()}
            runs = {
                variant: [open_once((folder / each).resolve()) for each in point["runs"][variant]]
                for variant in variants
            }
            points.append(GridPoint(setting, recipe.with_values(setting), runs))
        command = content["command"]
    except (KeyError, TypeError, AttributeError, UserError) as error:
        raise UserError(
            f"The file {path} is damaged or of another version ({error}); run the experiment's "
            "command again."
        ) from error
    return Results(recipe, axes, variants, points, command, folder, [*damaged.values()])


def results_of_run(folder: Path) -> Results:
    """Returns the results of a complete run, as an experiment of one grid point and one seed."""
    run = open_run(folder)
    recipe = _recipe(run.settings()["recipe"])
    variant = next(name for name, each in MAIN_VARIANTS.items() if each.role == run.role)
    command = command_of(recipe, (), (variant,), folder.parent.parent)
    point = GridPoint({}, recipe, {variant: [run]})
    return Results(recipe, (), (variant,), [point], command, folder)


def _open_whole(folder):
    """Opens a run and reads everything that a report needs of it."""
    run = open_run(folder)
    if run is None:
        return None
    is_same = run.metrics["last"]["epoch"] == run.metrics["best"]["epoch"]
    kept = ["last"] if is_same else ["last", "best"]
    needed = {f"{name}_{split}" for name in kept for split in SPLITS}
    needed |= {f"{split}_labels" for split in SPLITS}
    if not needed <= set(read_arrays(folder / "predictions.npz")):
        raise damaged_file(folder / "predictions.npz")
    if not all(set(run.metrics[name][split]) >= _MEASURES for name in kept for split in SPLITS):
        raise damaged_file(folder / "metrics.json")
    if run.metrics["last"]["epoch"] is not None:
        run.history()
    return run


def _recipe(values):
    """The recipe that was written to JSON as a dictionary."""
    return Recipe.from_json(json.dumps(values))


def _tuples(value):
    """Turns the lists of JSON back into tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

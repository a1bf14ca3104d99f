"""What an experiment left: its runs by setting, arm and seed; written down and read again."""

import dataclasses
import functools
import os
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.experiments.arms import ARMS
from distill.experiments.grid import Axis, with_setting
from distill.experiments.plan import Plan
from distill.recipes import Recipe
from distill.run_folder import Run, open_run, read_json, write_json

FILE = "results.json"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One setting of a grid.

    Attributes:
        setting: the axes' values, by field.
        recipe: the recipe at this setting.
        runs: by arm, one run for each seed, `None` where it is not there.
    """

    setting: dict[str, Any]
    recipe: Recipe
    runs: dict[str, list[Run | None]]

    def complete(self, *arms: str) -> list[tuple[Run, ...]]:
        """Returns the runs of some arms, for the seeds for which all of them are there."""
        together = zip(*(self.runs[arm] for arm in arms), strict=True)
        return [runs for runs in together if None not in runs]


@dataclasses.dataclass(frozen=True)
class Results:
    """The runs of an experiment that are complete, and what it was.

    Attributes:
        recipe: the recipe.
        axes: what was varied.
        arms: names in `distill.experiments.arms.ARMS`.
        cells: one for each setting.
        command: the command line that made it; `None` where a program of one's own did.
        folder: where results are written.
        damaged: of each run that could not be read, why, in one sentence.
    """

    recipe: Recipe
    axes: tuple[Axis, ...]
    arms: tuple[str, ...]
    cells: list[Cell]
    command: list[str] | None
    folder: Path
    damaged: list[str]

    @property
    def shown(self) -> str:
        """Which epoch's models are shown, `"last"` or `"best"`."""
        return self.recipe.shown_epoch

    @property
    def missing(self) -> int:
        """The number of runs that are not there, each counted wherever it is shown."""
        cells = (runs for cell in self.cells for runs in cell.runs.values())
        return sum(runs.count(None) for runs in cells)


def write_plan(plan: Plan, command: list[str] | None) -> Path:
    """Writes down what belongs to an experiment, before its runs are there.

    Args:
        plan: the experiment.
        command: the command line that makes it; `None` where there is none.

    Returns:
        The folder of its results.
    """
    folder = plan.folder
    folder.mkdir(parents=True, exist_ok=True)
    cells = [
        {
            "setting": setting,
            "runs": {
                arm: [os.path.relpath(path, folder) for path in paths]
                for arm, paths in cell.items()
            },
        }
        for setting, cell in zip(plan.settings, plan.cells, strict=True)
    ]
    write_json(
        folder / FILE,
        {
            "recipe": dataclasses.asdict(plan.recipe),
            "axes": [dataclasses.asdict(axis) for axis in plan.axes],
            "arms": plan.arms,
            "cells": cells,
            "command": command,
        },
    )
    return folder


def read_results(folder: Path) -> Results:
    """Reads an experiment and those of its runs that are complete.

    Args:
        folder: as `write_plan` returned it.

    Returns:
        The results.

    Raises:
        UserError: the folder holds no experiment, or a damaged one.
    """
    if not (folder / FILE).is_file():
        raise UserError(
            f"The folder {folder} holds no results of an experiment ({FILE}); give one that "
            "`python -m distill list` shows."
        )
    read = read_json(folder / FILE)
    damaged: dict[Path, str] = {}

    @functools.cache
    def open_once(path: Path) -> Run | None:
        try:
            return open_run(path)
        except UserError as error:
            damaged[path] = str(error)
            return None

    try:
        recipe = Recipe(**{name: _tuples(value) for name, value in read["recipe"].items()})
        axes = tuple(Axis(axis["field"], _tuples(axis["values"])) for axis in read["axes"])
        cells = []
        for cell in read["cells"]:
            setting = {field: _tuples(value) for field, value in cell["setting"].items()}
            runs = {
                arm: [open_once((folder / path).resolve()) for path in paths]
                for arm, paths in cell["runs"].items()
                if arm in ARMS
            }
            cells.append(Cell(setting, with_setting(recipe, setting), runs))
        arms = tuple(arm for arm in read["arms"] if arm in ARMS)
        return Results(recipe, axes, arms, cells, read["command"], folder, [*damaged.values()])
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"The file {folder / FILE} is damaged; run the experiment's command again."
        ) from error


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

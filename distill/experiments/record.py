"""Writes down what belongs to an experiment, so that its results can be read later."""

import dataclasses
import os
from pathlib import Path

from distill.experiments.plan import Plan
from distill.files import write_json

FILE, FORMAT = "experiment.json", 2


def write_plan(plan: Plan, command: list[str] | None) -> Path:
    """Writes an experiment's plan before its runs are there.

    Args:
        plan: the experiment.
        command: the command line that trains it; `None` if there is none.

    Returns:
        The folder of its results.
    """
    folder = plan.folder
    folder.mkdir(parents=True, exist_ok=True)
    points = [
        {
            "setting": point.setting,
            "runs": {
                name: [os.path.relpath(plan.specs[key].folder, folder) for key in keys]
                for name, keys in point.runs.items()
            },
        }
        for point in plan.points
    ]
    record = {
        "format": FORMAT,
        "recipe": plan.recipe.model_dump(mode="json"),
        "axes": [dataclasses.asdict(axis) for axis in plan.axes],
        "variants": plan.variants,
        "points": points,
        "command": command,
    }
    write_json(folder / FILE, record)
    return folder

"""Runs and results that were never trained, for tests that need only their numbers."""

from pathlib import Path

import numpy as np
import pytest

from distill.analysis.results import GridPoint, Results
from distill.files import write_arrays, write_json
from distill.recipes import Recipe
from distill.recipes.recipe import Experiment
from distill.runs import FORMAT, Role, Run


def fake_runs(role, accuracies, validation=None, parameters=10, examples=1000):
    """Makes one run for each accuracy, and `None` for `None`; nothing is written."""
    made = []
    for seed, accuracy in enumerate(accuracies):
        if accuracy is None:
            made.append(None)
            continue
        values = {"test": accuracy, "validation": accuracy if validation is None else validation}
        splits = {
            split: {
                "accuracy": value,
                "errors": round((1 - value) * examples),
                "examples": examples,
                "nll": 0.1,
                "ece": 0.1,
            }
            for split, value in values.items()
        }
        checkpoint = {"epoch": 1, "model_file": "student.keras", **splits}
        metrics = {"parameters": parameters, "last": checkpoint, "best": checkpoint}
        made.append(
            Run(
                Role(role) if role in ("teacher", "baseline") else Role.DISTILLED,
                seed,
                f"{role}{seed}",
                Path(f"{role}-{seed}"),
                metrics,
            )
        )
    return made


@pytest.fixture
def fake_results():
    """Makes results from accuracies: for each setting, by variant, arguments of `fake_runs`."""

    def make(*points, axes=(), variants=("baseline", "distilled"), **recipe):
        made = [
            GridPoint(
                setting,
                Recipe(),
                {variant: fake_runs(variant, *values) for variant, values in each.items()},
            )
            for setting, each in points
        ]
        recipe = Recipe(name="made up", experiment=Experiment(seeds=5)).with_values(recipe)
        return Results(recipe, tuple(axes), tuple(variants), made, ["x"], Path("results"))

    return make


@pytest.fixture
def fake_student(tmp_path):
    """Writes the folder of a distilled student that never saw some classes of ten.

    The logit of class 0 is the highest; that of class 3 is lower by a margin.
    """

    def make(validation, test, unseen=(3,)):
        arrays = {}
        for split, (margins, labels) in {"validation": validation, "test": test}.items():
            logits = np.full((len(margins), 10), -20.0, "float32")
            logits[:, 0], logits[:, 3] = 0, -np.asarray(margins)
            arrays |= {f"last_{split}": logits, f"{split}_labels": np.array(labels)}
        write_arrays(tmp_path / "predictions.npz", **arrays)
        identity = {"omitted_classes": list(unseen)}
        write_json(tmp_path / "settings.json", {"format": FORMAT, "identity": identity})
        return Run(Role.DISTILLED, 0, "key", tmp_path, {"last": {"epoch": 1}, "best": {"epoch": 1}})

    return make

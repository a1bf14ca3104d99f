"""A small grid that was really run, for every test that looks at results."""

import dataclasses
import io

import pytest
from filelock import FileLock
from rich.console import Console

from distill.experiments import experiment
from distill.experiments.arms import MODELS
from distill.experiments.experiment import Experiment, run_experiment
from distill.experiments.grid import make_axis
from distill.experiments.page import make_page
from distill.experiments.results import read_results
from distill.recipes import Recipe
from distill.report import page

SMALL = Recipe(
    name="small",
    teacher="cnn",
    teacher_options={"filters": 2, "dense": 16},
    student="mlp",
    student_options={"hidden": 8, "depth": 1},
    label_fraction=0.3,
    learning_rate=0.02,
    epochs=2,
    batch_size=128,
    seeds=2,
)
AXES = (make_axis("temperature", (1.0, 4.0)),)
ARMS = (*MODELS, "shuffled-teacher")


def run(recipe, folder, axes=AXES, arms=ARMS, **more):
    """Runs an experiment; returns it and what it printed."""
    file = io.StringIO()
    console = Console(file=file, width=100)
    return run_experiment(recipe, folder, axes, arms, console=console, **more), file.getvalue()


@pytest.fixture(scope="session")
def small():
    return SMALL


@pytest.fixture(scope="session")
def grid(tmp_path_factory, worker_id):
    """The experiment, what it printed and the folder of its runs; all as a user gets it.

    The process that comes first trains it for both. Tests leave the folder as it is.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, printed = shared / "grid", shared / "grid.txt"
    with FileLock(shared / "grid.lock"):
        if not printed.exists():
            experiment, text = run(SMALL, folder)
            printed.write_text(text, "utf-8")
            return experiment, text, folder
    (results_file,) = folder.glob("digits/grid-*/results.json")
    results = read_results(results_file.parent)
    return Experiment(results, [], make_page(results)), printed.read_text("utf-8"), folder


@pytest.fixture(scope="session")
def run_small():
    """Like `run`, without what takes long and other tests are for: estimates, drawn figures."""

    def run_faster(*arguments, **more):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(experiment, "estimate", lambda tasks, by_trial: [1.0] * len(tasks))
            patch.setattr(page, "svg", lambda figure, alt, prefix: "")
            return run(*arguments, **more)

    return run_faster


@pytest.fixture(scope="session")
def changed():
    """The small recipe with other values."""
    return lambda **values: dataclasses.replace(SMALL, **values)

"""A tiny run of each role, trained once for all tests of training."""

import dataclasses
from pathlib import Path

import pytest
from filelock import FileLock

from distill.recipes import Recipe
from distill.recipes.recipe import Data, Student, Teacher, Training
from distill.runs import Role, Run
from distill.training.spec import RunSpec, make_spec
from distill.training.train import train

TINY = Recipe(
    name="tiny",
    data=Data(label_fraction=0.2),
    teacher=Teacher(model="cnn", options={"filters": 4, "dense": 16}),
    student=Student(model="mlp", options={"hidden": 8, "depth": 1, "dropout": 0.3}),
    training=Training(learning_rate=0.01, epochs=3, batch_size=64),
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """The finished runs of the tiny recipe, and what its teacher is for other recipes."""

    folder: Path
    teacher_spec: RunSpec
    teacher: Run
    baseline: Run
    distilled: Run

    def spec(self, role: str, recipe: Recipe, runs: Path) -> RunSpec:
        """Makes the spec of a run; a distilled student has the tiny recipe's teacher."""
        teacher = self.teacher_spec if role == "distilled" else None
        return make_spec(Role(role), recipe, runs, teacher=teacher, title=role)

    def train(self, role: str, recipe: Recipe, runs: Path, **more) -> Run:
        """Trains one run; a distilled student learns from the tiny recipe's teacher."""
        return train(self.spec(role, recipe, runs), {self.teacher.key: self.teacher}, **more)


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory, worker_id):
    """The tiny runs. The first process trains them for all; tests leave the folder as it is."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "tiny"
    with FileLock(shared / "tiny.lock"):
        specs = [make_spec(Role.TEACHER, TINY, folder), make_spec(Role.BASELINE, TINY, folder)]
        teacher, baseline = (train(spec, {}) for spec in specs)
        distilled = make_spec(Role.DISTILLED, TINY, folder, teacher=specs[0])
        return Trained(
            folder, specs[0], teacher, baseline, train(distilled, {teacher.key: teacher})
        )

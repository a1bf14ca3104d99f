"""`TeacherSource`: the interface of all sources, and the default one, a teacher that is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from distill.data import ImageData, Split
from distill.recipes import Recipe
from distill.runs import Role, Run
from distill.soft_targets import Views, soft_targets
from distill.training.data import build_architecture
from distill.training.outcome import measure_only


class Request(NamedTuple):
    """A run that another one needs: its role, its recipe, and its name on the terminal."""

    role: Role
    recipe: Recipe
    title: str


FROM_A_FILE = (
    "The teacher comes from a file. If it was trained on some of these test images, its test "
    "accuracy is too high."
)


class TeacherSource:
    """A teacher that is trained with the recipe's own settings.

    Another source is a subclass in a file of its own, and an entry of
    `distill.training.teachers.SOURCES`. It overrides what differs.

    Attributes:
        trains: whether the built model is trained; otherwise it is only measured.
        is_seeded: whether another seed makes another teacher.
    """

    trains = True
    is_seeded = True

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        """Whether the recipe names this source."""
        return True

    def request(self, recipe: Recipe) -> Request:
        """Returns the run whose model teaches the recipe's distilled student."""
        return Request(Role.TEACHER, recipe, "teacher")

    def name(self, recipe: Recipe) -> str:
        """Returns the teacher's name in folder names."""
        return recipe.teacher.model

    def inputs(self, recipe: Recipe) -> list[Request]:
        """Returns the runs from which the teacher is made; they are trained before."""
        return []

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        """Returns what the teacher depends on, besides data, settings and seed.

        `inputs` are the keys of the runs from which it is made.
        """
        return {}

    def remark(self, recipe: Recipe, data: ImageData) -> str | None:
        """Returns what a user should know of the teacher before anything is trained."""
        return None

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model | None:
        """Returns a model like the teacher, trained or not, to try the method on.

        It is `None` for a teacher without a model. A `UserError` says why a teacher cannot be had.
        """
        return build_architecture(recipe.teacher, data)

    def build(self, recipe: Recipe, data: ImageData, inputs: Sequence[Run]) -> keras.Model:
        """Makes the model that is trained or, if the source trains nothing, measured.

        `inputs` are the finished runs from which it is made.
        """
        return build_architecture(recipe.teacher, data)

    def measure(
        self, recipe: Recipe, data: ImageData, inputs: Sequence[Run], folder: Path
    ) -> dict[str, Any]:
        """Measures a teacher that is not trained; keeps its predictions and returns its metrics."""
        return measure_only(
            self.build(recipe, data, inputs), self.file(recipe, folder), data, folder
        )

    def file(self, recipe: Recipe, folder: Path) -> Path:
        """Returns where the model of a teacher lies that is not trained; it is saved if missing."""
        return folder / "teacher.keras"

    def logits(self, run: Run, split: Split, store: Path, views: Views | None = None) -> np.ndarray:
        """Returns the finished teacher's logits on a split, from the store if they are there.

        With `views`, they are the logits on the views of each image; see `soft_targets`.
        """
        name = run.metrics["last"]["model_sha256"]
        return soft_targets(run.load_model, name, split, store, views)

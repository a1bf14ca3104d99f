"""An ensemble of teachers that differ by their seeds."""

from collections.abc import Sequence
from typing import Any

import keras

from distill.data import ImageData
from distill.models import mean_of_logits
from distill.recipes import Recipe
from distill.runs import Role, Run
from distill.training.teachers.source import Request, TeacherSource


class Ensemble(TeacherSource):
    """The mean of the logits of `teacher.ensemble` teachers. No two ensembles share a seed."""

    trains = False

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return recipe.teacher.ensemble > 1

    def name(self, recipe: Recipe) -> str:
        return f"{recipe.teacher.model}-ensemble"

    def inputs(self, recipe: Recipe) -> list[Request]:
        count = recipe.teacher.ensemble
        alone = recipe.with_values({"teacher.ensemble": 1})
        first = recipe.seed * count
        return [
            Request(Role.TEACHER, alone.with_seed(seed), "teacher")
            for seed in range(first, first + count)
        ]

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        return {"members": list(inputs)}

    def build(self, recipe: Recipe, data: ImageData, inputs: Sequence[Run]) -> keras.Model:
        return mean_of_logits([run.load_model() for run in inputs])

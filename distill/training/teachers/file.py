"""A teacher from a `.keras` file. It is not trained here, only measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from distill.data import ImageData
from distill.files import file_hash, load_model, model_path
from distill.models import require_inputs
from distill.recipes import Recipe
from distill.runs import Run
from distill.training.teachers.source import FROM_A_FILE, TeacherSource


class TeacherFile(TeacherSource):
    """The model in `teacher.file`. It stays where it is."""

    trains = False
    is_seeded = False

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return recipe.teacher.file is not None

    def name(self, recipe: Recipe) -> str:
        return "file"

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        return {"file": file_hash(_path(recipe))}

    def remark(self, recipe: Recipe, data: ImageData) -> str:
        return FROM_A_FILE

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model:
        teacher = load_model(_path(recipe))
        require_inputs(teacher, f"teacher in {recipe.teacher.file}", data.image_shape)
        return teacher

    def build(self, recipe: Recipe, data: ImageData, inputs: Sequence[Run]) -> keras.Model:
        return load_model(_path(recipe))

    def file(self, recipe: Recipe, folder: Path) -> Path:
        return _path(recipe).resolve()


def _path(recipe: Recipe) -> Path:
    return model_path(recipe.teacher.file or "")

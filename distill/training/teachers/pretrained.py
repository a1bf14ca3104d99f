"""Teachers trained on other data, by a recipe or in a file; only a new classifier is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from distill.data import ImageData
from distill.errors import UserError
from distill.files import file_hash, load_model, model_path
from distill.models import require_classifier, with_input_shape, with_new_classifier
from distill.recipes import Recipe, get_recipe
from distill.runs import Role, Run
from distill.training.data import build_architecture, data_of
from distill.training.teachers.source import Request, TeacherSource

FILE_ENDING = ".keras"


class PretrainedFile(TeacherSource):
    """The model in the file `teacher.pretraining` with a new classifier and frozen features."""

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return (recipe.teacher.pretraining or "").endswith(FILE_ENDING)

    def name(self, recipe: Recipe) -> str:
        return _path(recipe).stem

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        return {"pretraining": file_hash(_path(recipe))}

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model:
        path = _path(recipe)
        model = with_input_shape(load_model(path), data.image_shape, f"model in {path}")
        return with_new_classifier(model, data.classes)

    def build(self, recipe: Recipe, data: ImageData, inputs: Sequence[Run]) -> keras.Model:
        return self.validate(recipe, data)


def _path(recipe: Recipe) -> Path:
    return model_path(recipe.teacher.pretraining or "")


class Pretrained(TeacherSource):
    """The teacher of the recipe `teacher.pretraining` with a new classifier and frozen features."""

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        name = recipe.teacher.pretraining
        return name is not None and not name.endswith(FILE_ENDING)

    def inputs(self, recipe: Recipe) -> list[Request]:
        before = self._before(recipe)
        return [Request(Role.TEACHER, before, f"teacher of {before.name}")]

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        return {"pretraining": inputs[0] if inputs else None}

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model:
        before = self._before(recipe)
        for name in ("model", "options"):
            value, wanted = getattr(recipe.teacher, name), getattr(before.teacher, name)
            if value != wanted:
                raise UserError(
                    f"teacher.{name} is {value!r}, and must be {wanted!r}, as in the recipe "
                    f"{before.name!r} of teacher.pretraining."
                )
        model = build_architecture(before.teacher, data)
        require_classifier(model)
        shape = data_of(before).image_shape
        if shape != data.image_shape:
            raise UserError(
                f"The teacher of {before.name} is trained on images of shape {shape}, and those of "
                f"{data.name} have shape {data.image_shape}; set data.image_size to {shape[0]}."
            )
        return with_new_classifier(model, data.classes)

    def build(self, recipe: Recipe, data: ImageData, inputs: Sequence[Run]) -> keras.Model:
        return with_new_classifier(inputs[0].load_model(), data.classes)

    def _before(self, recipe):
        """The recipe of the pretraining, with the same seed."""
        return get_recipe(recipe.teacher.pretraining).with_seed(recipe.seed)

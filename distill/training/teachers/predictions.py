"""A teacher that is a file of predictions, from a program that need not be Keras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from distill.data import ImageData, Split
from distill.errors import UserError
from distill.files import file_hash, write_arrays
from distill.predictions import Predictions, read_predictions
from distill.recipes import Recipe, show_value
from distill.recipes.recipe import OWN
from distill.runs import Run
from distill.soft_targets import Views
from distill.training.outcome import measure_logits
from distill.training.teachers.source import FROM_A_FILE, TeacherSource


class TeacherPredictions(TeacherSource):
    """The predictions in `teacher.predictions`, one row for each image. There is no model."""

    trains = False
    is_seeded = False

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return recipe.teacher.predictions is not None

    def name(self, recipe: Recipe) -> str:
        return "predictions"

    def identity(self, recipe: Recipe, inputs: Sequence[str]) -> dict[str, Any]:
        path = Path(recipe.teacher.predictions or "")
        return {"predictions": file_hash(path) if path.is_file() else None}

    def remark(self, recipe: Recipe, data: ImageData) -> str:
        if not _read(recipe, data).are_probabilities:
            return FROM_A_FILE
        return f"{FROM_A_FILE} Its file holds probabilities, and their logarithms are its logits."

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model | None:
        changed = {
            "training.augmentation": recipe.training.augmentation,
            "training.translation": recipe.training.translation,
            "data.noise": recipe.data.noise,
        }
        for name, value in changed.items():
            if value:
                raise UserError(
                    f"{name} is {show_value(value)}, and must be none or 0 with "
                    "teacher.predictions, which hold for the images as they are."
                )
        if recipe.data.transfer_images != (OWN,):
            raise UserError(
                f"data.transfer_images is {show_value(recipe.data.transfer_images)}, and must be "
                "own with teacher.predictions, which hold for these images only."
            )
        predictions = _read(recipe, data)
        for name, split in data.splits.items():
            predictions.of(_ids(split), f"{name} images")
        return None

    def measure(
        self, recipe: Recipe, data: ImageData, inputs: Sequence[Run], folder: Path
    ) -> dict[str, Any]:
        predictions = _read(recipe, data)
        path = folder / "teacher.npz"
        names = np.array(data.class_names)
        write_arrays(path, ids=predictions.ids, classes=names, logits=predictions.logits)
        logits = {name: predictions.of(_ids(each), name) for name, each in data.splits.items()}
        return {"parameters": None, **measure_logits(logits, path, data, folder)}

    def logits(self, run: Run, split: Split, store: Path, views: Views | None = None) -> np.ndarray:
        predictions = read_predictions(run.model_file, run.class_names())
        return predictions.of(_ids(split), "training images")


def _read(recipe, data) -> Predictions:
    return read_predictions(recipe.teacher.predictions or "", data.class_names)


def _ids(split):
    if split.ids is None:
        raise UserError(
            "The images have no ids by which predictions could be found; use a folder of images or "
            "a data set by name."
        )
    return split.ids

"""Teachers that were distilled themselves: an assistant, or the previous generation."""

from typing import Any

import keras

from distill.data import ImageData
from distill.recipes import Recipe
from distill.runs import Role
from distill.training.data import build_architecture
from distill.training.teachers.source import Request, TeacherSource


class _Distilled(TeacherSource):
    """A student that was distilled before. `before` gives its recipe."""

    title = ""

    def before(self, recipe: Recipe) -> Recipe:
        """Returns the recipe by which the teaching student is distilled."""
        raise NotImplementedError

    def request(self, recipe: Recipe) -> Request:
        before = self.before(recipe)
        return Request(Role.DISTILLED, before, self.title.format(recipe=before))

    def validate(self, recipe: Recipe, data: ImageData) -> keras.Model:
        return build_architecture(self.before(recipe).student, data)


class Assistant(_Distilled):
    """A teacher assistant: it is distilled from the teacher, and the student from it.

    Source: Mirzadeh et al. (2020), Improved Knowledge Distillation via Teacher Assistant,
    arXiv:1902.03393.
    """

    title = "assistant"

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return recipe.distillation.assistant is not None

    def before(self, recipe: Recipe) -> Recipe:
        assistant = recipe.distillation
        student = {"model": assistant.assistant, "options": assistant.assistant_options}
        student["file"] = None
        alone: dict[str, Any] = {"assistant": None, "assistant_options": {}}
        return recipe.model_copy(
            update={
                "student": recipe.student.model_copy(update=student),
                "distillation": recipe.distillation.model_copy(update=alone),
            }
        )


class PreviousGeneration(_Distilled):
    """The student of the generation before.

    Source: Furlanello et al. (2018), Born-Again Neural Networks, arXiv:1805.04770.
    """

    title = "generation {recipe.distillation.generations}"

    @staticmethod
    def is_asked_for(recipe: Recipe) -> bool:
        return recipe.distillation.generations > 1

    def before(self, recipe: Recipe) -> Recipe:
        generations = recipe.distillation.generations
        return recipe.with_values({"distillation.generations": generations - 1})

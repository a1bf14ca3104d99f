"""Where teachers come from: one file for each source."""

from distill.recipes import Recipe
from distill.training.teachers.chain import Assistant, PreviousGeneration
from distill.training.teachers.ensemble import Ensemble
from distill.training.teachers.file import TeacherFile
from distill.training.teachers.predictions import TeacherPredictions
from distill.training.teachers.pretrained import Pretrained, PretrainedFile
from distill.training.teachers.source import Request, TeacherSource

# The first source that a recipe asks for is taken; without any, the teacher is trained.
SOURCES: tuple[type[TeacherSource], ...] = (
    TeacherFile,
    TeacherPredictions,
    Ensemble,
    PretrainedFile,
    Pretrained,
    TeacherSource,
)
# Students that were distilled before. They stand between the teacher and the student.
CHAINS: tuple[type[TeacherSource], ...] = (PreviousGeneration, Assistant)


def source_of(recipe: Recipe) -> TeacherSource:
    """Returns the source of the recipe's teacher."""
    return next(source() for source in SOURCES if source.is_asked_for(recipe))


def teacher_of(recipe: Recipe) -> TeacherSource:
    """Returns what teaches the recipe's distilled student: its teacher, or a student before it."""
    return next(source() for source in (*CHAINS, *SOURCES) if source.is_asked_for(recipe))


__all__ = ["CHAINS", "SOURCES", "Request", "TeacherSource", "source_of", "teacher_of"]

"""`RunSpec`: one run, resolved once. This file alone compares roles."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras

from distill.data import AUGMENTATIONS, Split
from distill.files import file_hash, model_path
from distill.methods import METHODS, method_terms
from distill.models import MODELS
from distill.options import look_up
from distill.recipes import Recipe
from distill.recipes.recipe import HAVE_FLOOR, NEED_EPOCHS, Training
from distill.recipes.settings import effects_of
from distill.runs import FORMAT, Role, key_of, run_folder
from distill.soft_targets import Views
from distill.training.code import code_fingerprint
from distill.training.data import (
    baseline_set,
    data_of,
    omitted_classes,
    transfer_fingerprints,
    transfer_set,
)
from distill.training.teachers import Request, source_of, teacher_of
from distill.training.teachers.pretrained import PretrainedFile


@dataclasses.dataclass(frozen=True)
class RunSpec:
    """One run to train, with everything that is known before it starts. It can be pickled.

    Attributes:
        role: what is trained.
        recipe: the recipe of this run, with one seed.
        identity: everything that the result depends on.
        folder: the run's folder.
        inputs: keys of the runs that must be finished before: a distilled student's teacher, or
            what a teacher is made from.
        title: what the run is called on the terminal.
    """

    role: Role
    recipe: Recipe
    identity: dict[str, Any]
    folder: Path
    inputs: tuple[str, ...] = ()
    title: str = ""

    @property
    def key(self) -> str:
        """Hash of the identity; other specs name it as an input."""
        return key_of(self.identity)

    @property
    def seed(self) -> int:
        """The seed of initial weights, data order and dropout."""
        return self.recipe.seed

    @property
    def is_teacher(self) -> bool:
        """Whether the run makes a teacher."""
        return self.role is Role.TEACHER

    @property
    def is_distilled(self) -> bool:
        """Whether the run distils a student."""
        return self.role is Role.DISTILLED

    @property
    def is_trained(self) -> bool:
        """Whether the run trains a model; a teacher's model may only be measured."""
        return "settings" in self.identity

    @property
    def training(self) -> Training:
        """The training settings of the run."""
        return training_of(self.recipe, self.role)

    @property
    def views(self) -> Views | None:
        """The views of a distilled student's images; `None` if they change in each pass."""
        count, training = self.identity["settings"].get("distillation.views"), self.training
        if count is None:
            return None
        code = self.identity["settings"].get("augmentation_code", ())
        return Views(count, training.translation, training.augmentation, tuple(code))

    @property
    def stores_targets(self) -> bool:
        """Whether a distilled student learns from stored logits, not from a teacher beside it."""
        if not self.is_distilled:
            return False
        is_fixed = self.views is not None or not self.training.augments
        return is_fixed or self.recipe.distillation.soft_targets == "shuffled"

    @property
    def teacher(self) -> str:
        """The key of the run whose model teaches a distilled student."""
        return self.identity["teacher"]

    @property
    def match_time_of(self) -> list[str]:
        """The keys of a distilled student's and a baseline's run, whose times set the epochs."""
        return self.identity.get("match_time_of", [])

    @property
    def split(self) -> Split:
        """The images on which the model is trained."""
        if self.is_teacher:
            return data_of(self.recipe).train
        return transfer_set(self.recipe) if self.is_distilled else baseline_set(self.recipe)


class Needs(NamedTuple):
    """The runs before another one: a distilled student's teacher, what a teacher is made from."""

    teacher: Request | None
    made_from: list[Request]


def needs_of(role: Role, recipe: Recipe) -> Needs:
    """Returns the runs that a run of that role needs."""
    if role is Role.DISTILLED:
        return Needs(teacher_of(recipe).request(recipe), [])
    return Needs(None, source_of(recipe).inputs(recipe) if role is Role.TEACHER else [])


def make_spec(
    role: Role,
    recipe: Recipe,
    runs: Path,
    teacher: RunSpec | None = None,
    made_from: Sequence[RunSpec] = (),
    match_time_of: Sequence[RunSpec] = (),
    title: str = "",
) -> RunSpec:
    """Resolves one run.

    Args:
        role: what is trained.
        recipe: the recipe, with one seed.
        runs: folder under which run folders lie.
        teacher: the run whose model teaches a distilled student.
        made_from: the runs from which a teacher is made.
        match_time_of: a distilled student's run and a baseline's run with equal steps: a baseline
            then trains for as long as the former, by the median time of their epochs.
        title: what the run is called on the terminal.
    """
    data, source = data_of(recipe), source_of(recipe)
    identity: dict[str, Any] = {"format": FORMAT, "role": role.value, "data": data.fingerprint}
    name, seed = recipe.student.model, recipe.seed
    if role is Role.TEACHER:
        name, seed = source.name(recipe), recipe.seed if source.is_seeded else 0
        identity |= source.identity(recipe, [spec.key for spec in made_from])
    else:
        identity["omitted_classes"] = omitted_classes(recipe)
        if recipe.student.file:
            name, identity["student_file"] = "file", file_hash(model_path(recipe.student.file))
    if role is not Role.TEACHER or source.trains:
        identity |= {"seed": seed, "settings": settings_of(role, recipe)}
    if role is Role.DISTILLED:
        identity |= {
            "transfer_images": transfer_fingerprints(recipe),
            "teacher": teacher.key if teacher else None,
        }
    if match_time_of:
        identity["match_time_of"] = [spec.key for spec in match_time_of]
    if keras.backend.backend() != "tensorflow":
        identity["backend"] = keras.backend.backend()
    identity = json.loads(json.dumps(identity))  # as it is read from a run folder: without tuples
    inputs = tuple(spec.key for spec in (teacher, *made_from, *match_time_of) if spec)
    folder = run_folder(runs, data.name, f"{role.value}-{name}", seed, identity)
    return RunSpec(role, recipe, identity, folder, inputs, title)


def settings_of(role: Role, recipe: Recipe) -> dict[str, Any]:
    """Returns every setting that changes the result of a run of this role, by dotted name.

    A setting that is None or empty has no effect, and is left out: a setting that is added to
    recipes later does not make finished runs unfindable.
    """
    training = training_of(recipe, role)
    found = {
        name: recipe.value(name)
        for name, effect in effects_of(type(recipe)).items()
        if role.value in effect.roles and effect.through is None
    }
    found |= {f"training.{name}": value for name, value in training}
    if training.schedule not in NEED_EPOCHS:
        del found["training.schedule_epochs"]
    if training.schedule not in HAVE_FLOOR:
        del found["training.schedule_floor"]
    if not recipe.data.noise:
        found.pop("data.noise_kind", None)
    if not training.augments or recipe.distillation.soft_targets == "shuffled":
        found.pop("distillation.views", None)
    part = "teacher" if role is Role.TEACHER else "student"
    if recipe.student.file if part == "student" else PretrainedFile.is_asked_for(recipe):
        unused = [f"{part}.model", f"{part}.options"]
    else:
        unused = ["student.start"]
        found["model_code"] = _codes(MODELS, [recipe.value(part).model])
    for name in unused:
        found.pop(name, None)
    found["augmentation_code"] = _codes(AUGMENTATIONS, training.augmentation)
    if role is Role.DISTILLED:
        terms = method_terms(recipe.distillation.method)
        found["method_code"] = _codes(METHODS, [name for _, name in terms])
    return {name: value for name, value in sorted(found.items()) if value not in (None, (), [], {})}


def training_of(recipe: Recipe, role: Role) -> Training:
    """Returns the training settings of a role: the recipe's, with the role's overrides."""
    if role is Role.TEACHER:
        return recipe.training_with(recipe.teacher.training)
    if role is Role.BASELINE:
        return recipe.training_with(recipe.student.baseline)
    return recipe.training


def _codes(registry, names):
    """Fingerprints of what a user registered under these names."""
    fingerprints = (code_fingerprint(look_up(registry, name)) for name in names)
    return [fingerprint for fingerprint in fingerprints if fingerprint]

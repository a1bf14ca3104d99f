"""Which runs an experiment needs: each once, however many settings share it, and in what order."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.experiments.arms import ARMS, CONTROLS, Arm
from distill.experiments.grid import Axis, settings, show_setting, with_setting
from distill.preparation import folder_of, identity_of, members_of, pretraining_of, validate
from distill.recipes import Recipe
from distill.run_folder import key_of


@dataclasses.dataclass(frozen=True)
class Task:
    """One run to be had: found where it is complete, else trained.

    Attributes:
        role: `"teacher"`, `"student"` or `"distilled"`.
        recipe: with one seed.
        folder: where the run lies or will lie; no two tasks of a plan have the same.
        label: what it is called while it runs.
        identity: everything that its result depends on.
        teacher: of a distilled student, the folder of its teacher's task: a teacher, or, in a
            chain, a student distilled before.
        parts: of a teacher that is made from others, the folders of their tasks.
        as_long_as: the folders of a distilled student's and of a student's task, whose times say
            how long it takes; see `distill.training.train_student`.
    """

    role: str
    recipe: Recipe
    folder: Path
    label: str
    identity: dict[str, Any]
    teacher: Path | None = None
    parts: tuple[Path, ...] = ()
    as_long_as: tuple[Path, Path] | None = None

    @property
    def needs(self) -> tuple[Path, ...]:
        """The folders of the tasks that must be complete before."""
        teacher = (self.teacher,) if self.teacher else ()
        return (*teacher, *self.parts, *(self.as_long_as or ()))


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an experiment trains.

    Attributes:
        recipe: the recipe, with its first seed and number of seeds.
        axes: what is varied; none for the main job.
        arms: names in `distill.experiments.arms.ARMS`.
        settings: every combination of the axes' values.
        tasks: every run once, by its folder, in an order in which they can be run.
        cells: for each setting, by arm, the folders of its runs, one for each seed.
    """

    recipe: Recipe
    axes: tuple[Axis, ...]
    arms: tuple[str, ...]
    settings: list[dict[str, Any]]
    tasks: dict[Path, Task]
    cells: list[dict[str, list[Path]]]

    @property
    def is_grid(self) -> bool:
        """Whether there is more than the main job: axes, or controls."""
        return bool(self.axes) or any(arm in CONTROLS for arm in self.arms)

    @property
    def roles(self) -> set[str]:
        """The roles that the experiment is about; the teacher's only where there is no other."""
        roles = {ARMS[arm].role for arm in self.arms}
        return roles - {"teacher"} or roles

    @property
    def folder(self) -> Path:
        """Where the results go; the same for the same runs."""
        names = [[[path.name for path in paths] for paths in cell.values()] for cell in self.cells]
        key = hashlib.sha256(repr(names).encode()).hexdigest()[:10]
        kind = "grid" if self.axes else "comparison" if "distilled" in self.arms else self.arms[0]
        first = next(iter(self.cells[0].values()))[0]
        return first.parent / f"{kind}-{self.recipe.name}-{key}"


def make_plan(recipe: Recipe, axes: Sequence[Axis], arms: Sequence[str], runs: Path | str) -> Plan:
    """Works out the runs of an experiment and tries every setting; trains nothing.

    Args:
        recipe: the recipe, with its first seed and number of seeds.
        axes: what is varied.
        arms: names in `distill.experiments.arms.ARMS`.
        runs: folder under which run folders lie.

    Returns:
        The plan, seed by seed, so that whole seeds are there first.

    Raises:
        UserError: a setting asks for something that cannot be had.
    """
    combinations = settings(axes)
    for setting in combinations:
        validate(with_setting(recipe, setting).with_seed(recipe.seed))
    tasks: dict[Path, Task] = {}
    cells = [{arm: [] for arm in arms} for _ in combinations]
    for seed in range(recipe.seed, recipe.seed + recipe.seeds):
        for setting, cell in zip(combinations, cells, strict=True):
            own = with_setting(recipe, setting).with_seed(seed)
            for name in arms:
                cell[name].append(_add(tasks, ARMS[name], own, setting, Path(runs)))
    return Plan(recipe, tuple(axes), tuple(arms), combinations, tasks, cells)


def _add(tasks, arm: Arm, recipe, setting, runs):
    """Adds the task of an arm, and before it those that it needs; returns its folder."""
    changed = recipe.with_values(arm.change)
    teacher, parts, as_long_as = None, (), None
    if arm.role == "distilled":
        teacher = _add(tasks, *_teacher_of(recipe), setting, runs)
    if arm.role == "teacher":
        parts = tuple(_add(tasks, *part, setting, runs) for part in _parts_of(recipe))
    if arm.equal_time:
        names = ("distilled", "student")
        as_long_as = tuple(_add(tasks, ARMS[name], recipe, setting, runs) for name in names)
    keys = [key_of(tasks[folder].identity) if folder else None
            for folder in (teacher, as_long_as and as_long_as[0], *parts)]  # fmt: skip
    identity = identity_of(arm.role, changed, *keys[:2], keys[2:])
    folder = folder_of(arm.role, changed, runs, identity)
    shown = f"{arm.title}, {show_setting(setting)}" if setting else arm.title
    label = f"{shown}, seed {recipe.seed}"
    if folder not in tasks:
        needed = teacher, parts, as_long_as
        tasks[folder] = Task(arm.role, changed, folder, label, identity, *needed)
    elif tasks[folder].label != label:  # shared by several settings
        label = f"{arm.title}, seed {recipe.seed}"
        tasks[folder] = dataclasses.replace(tasks[folder], label=label)
    return folder


def _teacher_of(recipe):
    """Whom a distilled student imitates: the teacher, its assistant, or the last generation."""
    if recipe.generations > 1:
        before = dataclasses.replace(recipe, generations=recipe.generations - 1)
        return _titled("distilled", f"generation {before.generations}"), before
    if recipe.assistant:
        before = dataclasses.replace(
            recipe, student=recipe.assistant, student_options=recipe.assistant_options,
            assistant=None, assistant_options={},
        )  # fmt: skip
        return _titled("distilled", "assistant"), before
    return ARMS["teacher"], recipe


def _parts_of(recipe):
    """The teachers that a teacher is made from."""
    if recipe.teachers > 1:
        return [(ARMS["teacher"], member) for member in members_of(recipe)]
    if recipe.teacher_pretraining is not None:
        before = pretraining_of(recipe)
        return [(_titled("teacher", f"teacher of {before.name}"), before)]
    return []


def _titled(arm, title):
    return dataclasses.replace(ARMS[arm], title=title)

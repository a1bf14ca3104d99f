"""Which runs an experiment needs: each once, however many grid points share it, and their order."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.experiments.grid import Axis, combinations, show_setting
from distill.experiments.variants import ABLATIONS, VARIANTS, Variant
from distill.files import write_json
from distill.recipes import Recipe
from distill.training.spec import RunSpec, make_spec, needs_of
from distill.training.teachers import Request
from distill.training.validate import validate

FILE, FORMAT = "experiment.json", 2  # what an experiment's folder says of its runs


@dataclasses.dataclass(frozen=True)
class PlannedPoint:
    """One grid point: the axes' values by dotted name, and the recipe with them."""

    setting: dict[str, Any]
    recipe: Recipe
    runs: dict[str, list[str]]  # by variant, the keys of its runs, one for each seed


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an experiment trains."""

    recipe: Recipe  # with its first seed and number of seeds
    axes: tuple[Axis, ...]  # empty for the main job, which has one grid point
    variants: tuple[str, ...]  # names in `distill.experiments.variants.VARIANTS`
    points: list[PlannedPoint]
    specs: dict[str, RunSpec]  # every run once, by its key, each after those that it needs

    @property
    def is_grid(self) -> bool:
        """Whether there is more than the main job: axes, or ablations."""
        return bool(self.axes) or any(name in ABLATIONS for name in self.variants)

    @property
    def subjects(self) -> set[str]:
        """The keys of the runs that the experiment is about: the students, if there are any."""
        names = [name for name in self.variants if name != "teacher"] or self.variants
        return {key for point in self.points for name in names for key in point.runs[name]}

    @property
    def folder(self) -> Path:
        """Where the results go; the same for the same runs."""
        names = [
            [[self.specs[key].folder.name for key in keys] for keys in point.runs.values()]
            for point in self.points
        ]
        key = hashlib.sha256(repr(names).encode()).hexdigest()[:10]
        kind = "comparison" if "distilled" in self.variants else self.variants[0]
        kind = "grid" if self.axes else kind
        first = next(iter(self.points[0].runs.values()))[0]
        return self.specs[first].folder.parent / f"{kind}-{self.recipe.name}-{key}"


def make_plan(
    recipe: Recipe, axes: Sequence[Axis], variants: Sequence[str], runs: Path | str
) -> Plan:
    """Works out the runs of an experiment under the folder `runs`; trains nothing.

    The runs stand seed by seed, so that whole seeds finish first. A `UserError` says which run of
    the first seed cannot be trained.
    """
    specs: dict[str, RunSpec] = {}
    built: set[str] = set()
    points = [
        PlannedPoint(setting, recipe.with_values(setting), {name: [] for name in variants})
        for setting in combinations(axes)
    ]
    first = recipe.experiment.first_seed
    for seed in range(first, first + recipe.experiment.seeds):
        for point in points:
            where, is_first = show_setting(point.setting), seed == first
            resolver = _Resolver(specs, Path(runs), where, is_first, built)
            for name in variants:
                key = resolver.variant(VARIANTS[name], point.recipe.with_seed(seed))
                point.runs[name].append(key)
    return Plan(recipe, tuple(axes), tuple(variants), points, specs)


class _Resolver:
    """Resolves the runs of one grid point and seed, the needed ones first."""

    def __init__(self, specs, runs, where, is_first_seed, built):
        self._specs, self._runs, self._where = specs, runs, where
        self._is_first_seed, self._built = is_first_seed, built

    def variant(self, variant: Variant, recipe: Recipe) -> str:
        timed = ()
        if variant.match_time:
            pair = VARIANTS["distilled"], VARIANTS["baseline"]
            timed = tuple(self._specs[self.variant(each, recipe)] for each in pair)
        changed = recipe.with_values(variant.change)
        return self._resolve(Request(variant.role, changed, variant.title), timed)

    def _resolve(self, request: Request, match_time_of: Sequence[RunSpec] = ()) -> str:
        role, recipe, title = request
        needs = needs_of(role, recipe)
        teacher = needs.teacher and self._specs[self._resolve(needs.teacher)]
        made_from = [self._specs[self._resolve(each)] for each in needs.made_from]
        shown = ", ".join(filter(None, (title, self._where, f"seed {recipe.seed}")))
        spec = make_spec(role, recipe, self._runs, teacher, made_from, match_time_of, shown)
        known = self._specs.get(spec.key)
        if known is None:
            if self._is_first_seed:
                validate(spec, self._built)
            self._specs[spec.key] = spec
        elif known.title != shown:  # several grid points share it, or several seeds
            title = f"{title}, seed {recipe.seed}" if known.seed == recipe.seed else title
            self._specs[spec.key] = dataclasses.replace(known, title=title)
        return spec.key


def write_plan(plan: Plan, command: list[str] | None) -> Path:
    """Writes an experiment's plan before its runs are there; returns the folder of its results."""
    folder = plan.folder
    folder.mkdir(parents=True, exist_ok=True)
    points = [
        {
            "setting": point.setting,
            "runs": {
                name: [os.path.relpath(plan.specs[key].folder, folder) for key in keys]
                for name, keys in point.runs.items()
            },
        }
        for point in plan.points
    ]
    record = {
        "format": FORMAT,
        "recipe": plan.recipe.model_dump(mode="json"),
        "axes": [dataclasses.asdict(axis) for axis in plan.axes],
        "variants": plan.variants,
        "points": points,
        "command": command,
    }
    write_json(folder / FILE, record)
    return folder

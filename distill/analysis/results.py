"""The results of an experiment: what its runs say, whether they are complete or not."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distill.analysis.statistics import LEAST_SEEDS, PairedDifference, paired_difference
from distill.data import ImageData, class_number
from distill.errors import UserError
from distill.evaluation import confusion
from distill.evaluation.class_bias import best_class_bias, with_class_bias
from distill.experiments.grid import Axis, show_setting
from distill.experiments.variants import ABLATIONS, VARIANTS
from distill.recipes import Recipe, flag_of, full_name
from distill.runs import Run
from distill.training.data import data_of

Where = Mapping[str, Any] | None  # values of axes, which select grid points


@dataclasses.dataclass(frozen=True)
class GridPoint:
    """One point of a grid: the values of the axes by field, and the recipe with them."""

    setting: dict[str, Any]
    recipe: Recipe
    runs: dict[str, list[Run | None]]  # by variant, one for each seed; `None` where it is missing

    def present(self, variant: str) -> list[Run]:
        """Returns the runs of a variant that are not missing."""
        return [run for run in self.runs[variant] if run is not None]

    def complete(self, *variants: str) -> list[tuple[Run, ...]]:
        """Returns the runs of several variants, for the seeds that have all of them."""
        together = zip(*(self.runs[variant] for variant in variants), strict=True)
        return [runs for runs in together if None not in runs]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The distilled student against another variant at one grid point, over the same seeds."""

    point: GridPoint
    against: str
    difference: PairedDifference  # of test accuracies, distilled − other
    distilled: float  # mean test accuracies
    other: float


@dataclasses.dataclass(frozen=True)
class Results:
    """The runs of an experiment, and the questions that they answer.

    Everything refers to the models of the recipe's report checkpoint, the last epoch by default.
    `where` holds values of axes, such as `{"temperature": 4.0}`, that select one grid point; it can
    be left out if there is only one.
    """

    recipe: Recipe
    axes: tuple[Axis, ...]
    variants: tuple[str, ...]  # names in `distill.experiments.variants.VARIANTS`
    points: list[GridPoint]
    command: list[str] | None  # that made the experiment; `None` if a custom program did
    folder: Path
    damaged: list[str] = dataclasses.field(default_factory=list)  # sentences, one for each run

    @property
    def title(self) -> str:
        """The name of the recipe, with the data set if that has another name."""
        name, dataset = self.recipe.name, self.recipe.data.name
        if dataset.startswith((".", "~")) or Path(dataset).is_absolute():
            dataset = Path(dataset).name or dataset
        return name if name == dataset else f"{name} on {dataset}"

    @property
    def checkpoint(self) -> str:
        """Which models are reported: those of the `"last"` epoch, or of the `"best"` one."""
        return self.recipe.experiment.report_checkpoint

    @property
    def checkpoint_name(self) -> str:
        """The same in words."""
        is_last = self.checkpoint == "last"
        return "last epoch" if is_last else "epoch with the best validation accuracy"

    @property
    def command_line(self) -> str:
        """The command that made the experiment, without the folder of its script."""
        if self.command is None:
            return "a program that called run_experiment"
        return shlex.join(["python", Path(self.command[0]).name, *self.command[1:]])

    @property
    def missing(self) -> int:
        """The number of missing runs; one that several grid points share counts at each."""
        return sum(runs.count(None) for point in self.points for runs in point.runs.values())

    @property
    def subject(self) -> str:
        """The variant that the experiment is about: distilled, or else the last one."""
        return "distilled" if "distilled" in self.variants else self.variants[-1]

    @property
    def ablations(self) -> list[str]:
        """The ablations among the variants."""
        return [variant for variant in self.variants if variant in ABLATIONS]

    @property
    def varied(self) -> tuple[Axis, ...]:
        """The axes with several values; one of a single value is an option of what they vary."""
        return tuple(axis for axis in self.axes if len(axis.values) > 1) or self.axes

    def name_of(self, point: GridPoint) -> str:
        """Returns what distinguishes a grid point in words; `""` without axes."""
        return show_setting({axis.field: point.setting[axis.field] for axis in self.varied})

    @property
    def spread(self) -> str:
        """What numbers over seeds are: mean ± std, or with one seed only that one."""
        several = any(len(runs) > 1 for point in self.points for runs in point.runs.values())
        return "mean ± std over seeds" if several else "one seed"

    def point(self, where: Where = None) -> GridPoint:
        """Returns the only grid point with these values."""
        wanted = {full_name(name): value for name, value in (where or {}).items()}.items()
        found = [
            point
            for point in self.points
            if all(point.setting.get(field) == value for field, value in wanted)
        ]
        if len(found) != 1:
            axes = ", ".join(flag_of(axis.field)[2:] for axis in self.axes) or "none"
            raise UserError(
                f"{len(found)} grid points of `{self.command_line}` have {where or {}}, and one is "
                f"needed; the axes are {axes}."
            )
        return found[0]

    def best_point(self, variant: str | None = None) -> GridPoint:
        """Returns the grid point with the highest mean validation accuracy of a variant.

        The variant is `subject` by default. The test set plays no part.
        """

        def validation(point):
            found = self.accuracies(variant or self.subject, point.setting, "validation")
            return float(np.mean(found)) if found else -1.0

        return max(self.points, key=validation)

    def runs(self, variant: str, where: Where = None) -> list[Run]:
        """Returns the runs of a variant, one for each seed; missing ones are left out."""
        return [run for run in self._of_seeds(variant, where) if run is not None]

    def _of_seeds(self, variant, where):
        if variant not in self.variants:
            raise UserError(
                f"`{self.command_line}` trains no {variant!r}; it trains "
                f"{', '.join(self.variants)}."
            )
        return self.point(where).runs[variant]

    def accuracies(self, variant: str, where: Where = None, split: str = "test") -> list[float]:
        """Returns the accuracy of each run on `"test"` or `"validation"` data."""
        return self._accuracies(self.runs(variant, where), split)

    def _accuracies(self, runs, split="test"):
        return [run.metrics[self.checkpoint][split]["accuracy"] for run in runs]

    def errors(self, variant: str, where: Where = None) -> list[int]:
        """Returns the test errors of each run."""
        runs = self.runs(variant, where)
        return [run.metrics[self.checkpoint]["test"]["errors"] for run in runs]

    def class_accuracies(
        self, variant: str, of: Sequence[str], where: Where = None, corrected: bool = False
    ) -> list[float]:
        """Returns the accuracy of each run on the test images of the classes named in `of`.

        `corrected` corrects the bias of the classes that the student never saw, on validation data.
        """
        data, unseen, found = self.data(where), self.unseen(where), []
        numbers = [class_number(data, name) for name in of]
        for run in self.runs(variant, where):
            logits = self.corrected_logits(run, unseen) if corrected else self.logits(run)
            examples = int(np.isin(run.labels("test"), numbers).sum())
            found.append(1 - class_errors(run, logits, numbers) / examples)
        return found

    def unseen(self, where: Where = None) -> list[int]:
        """Returns the numbers of the classes that the students never saw."""
        runs = [run for each in self.point(where).runs.values() for run in each if run is not None]
        return max(map(unseen_classes, runs), key=len, default=[])

    def corrected_logits(
        self, run: Run, unseen: Sequence[int], on: str = "validation"
    ) -> np.ndarray:
        """Adds to the test logits of the unseen classes the number that is best on a split.

        Chosen on validation data it gives a fair accuracy. Chosen on the test set, as in Hinton,
        Vinyals and Dean (2015), it does not.
        """
        bias = best_class_bias(run.predictions(self.checkpoint, on), run.labels(on), unseen)
        return with_class_bias(self.logits(run), unseen, bias)

    def logits(self, run: Run) -> np.ndarray:
        """Returns what a run's model predicts for the test images, `(examples, classes)`."""
        return run.predictions(self.checkpoint, "test")

    def histories(
        self, variants: Sequence[str], where: Where = None
    ) -> dict[str, list[dict[str, list[float]]]]:
        """Returns the histories of the runs that were trained, by the titles of their variants."""
        found = {
            VARIANTS[variant].title: [
                run.history() for run in self.runs(variant, where) if run.metrics["last"]["epoch"]
            ]
            for variant in variants
        }
        return {title: histories for title, histories in found.items() if histories}

    def mean_confusion(self, variant: str, where: Where = None) -> np.ndarray:
        """Returns the mean counts of test images by true class (rows) and predicted class."""
        runs = self.runs(variant, where)
        return np.mean([confusion(self.logits(run), run.labels("test")) for run in runs], axis=0)

    def parameters(self, variant: str, where: Where = None) -> int | None:
        """Returns the number of parameters of a variant's model, `None` if there is no model."""
        return self.runs(variant, where)[0].metrics["parameters"]

    def test_images(self, where: Where = None) -> int:
        """Returns the number of test images."""
        return len(self.runs(self.subject, where)[0].labels("test"))

    def data(self, where: Where = None) -> ImageData:
        """Loads the data of a grid point, with cross-validation those of the first fold."""
        return data_of(self.point(where).recipe.with_seed(self.recipe.seed))

    def difference(
        self, variant: str, other: str, where: Where = None, other_where: Where = None
    ) -> PairedDifference:
        """Compares the test accuracies of two variants, paired over the seeds that both have.

        `other_where` is the grid point of the other variant, by default the same. Interval and
        p-value are those of a single comparison. A `UserError` says that no seed has both runs.
        """
        other_where = where if other_where is None else other_where
        seeds = zip(self._of_seeds(variant, where), self._of_seeds(other, other_where), strict=True)
        pairs = [pair for pair in seeds if None not in pair]
        if not pairs:
            raise UserError(
                f"No seed has both {variant!r} and {other!r}; run `{self.command_line}` again."
            )
        return self._paired(pairs)

    def comparisons(self, against: Sequence[str]) -> list[Comparison]:
        """Compares the distilled student with other variants at every grid point.

        All comparisons are corrected together. Where no seed has both runs, there is none.
        """
        if "distilled" not in self.variants:
            return []
        pairs = {
            (number, other): point.complete("distilled", other)
            for number, point in enumerate(self.points)
            for other in against
        }
        made = max(1, sum(len(each) >= LEAST_SEEDS for each in pairs.values()))
        return [
            Comparison(
                self.points[number],
                other,
                self._paired(each, made),
                *(float(np.mean(self._accuracies(runs))) for runs in zip(*each, strict=True)),
            )
            for (number, other), each in pairs.items()
            if each
        ]

    def against_baseline(self) -> list[Comparison]:
        """Compares the distilled student with the baseline at every grid point."""
        return self.comparisons(["baseline"] if "baseline" in self.variants else [])

    def against_ablations(self) -> list[Comparison]:
        """Compares the distilled student with the ablations at the best grid point.

        They are corrected for the comparisons at all grid points, because this one was chosen.
        """
        best = self.best_point()
        return [each for each in self.comparisons(self.ablations) if each.point is best]

    def _paired(self, pairs, comparisons=1):
        firsts, seconds = zip(*pairs, strict=True)
        folds = self.recipe.experiment.folds
        return paired_difference(
            self._accuracies(firsts),
            self._accuracies(seconds),
            resolution=1 / firsts[0].metrics[self.checkpoint]["test"]["examples"],
            test_to_train=1 / (folds - 1) if folds else 0.0,
            comparisons=comparisons,
        )


def distinct(runs: Sequence[Run]) -> list[Run]:
    """Returns runs without repetition: a teacher that is not trained is one run for all seeds."""
    return list({run.key: run for run in runs}.values())


def data_of_run(recipe: Recipe, run: Run) -> ImageData | None:
    """Returns the data of a run of this recipe, or `None` if they are gone or have changed."""
    try:
        data = data_of(recipe.with_seed(run.seed))
    except (UserError, OSError):
        return None
    return data if data.fingerprint == run.settings()["identity"]["data"] else None


def unseen_classes(run: Run) -> list[int]:
    """Returns the numbers of the classes that a run's student never saw."""
    return list(run.settings()["identity"].get("omitted_classes", ()))


def class_errors(run: Run, logits: np.ndarray, classes: Sequence[int]) -> int:
    """Counts the errors on a run's test images of some classes, given by their numbers."""
    labels = run.labels("test")
    return int(np.sum((np.argmax(logits, axis=-1) != labels) & np.isin(labels, classes)))

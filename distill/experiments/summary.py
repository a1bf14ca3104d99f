"""What an experiment's runs say together: values over seeds, comparisons, the sentence."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from distill.experiments.arms import ARMS, CONTROLS
from distill.experiments.grid import show_setting
from distill.experiments.results import Cell, Results
from distill.experiments.statistics import (
    PairedDifference,
    holm,
    mean_and_std,
    paired_difference,
    verdict,
)
from distill.run_folder import Run


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The distilled student against another arm at one setting, over the same seeds.

    Attributes:
        cell: the setting.
        against: the other arm's name.
        difference: of test accuracies, distilled − other.
        distilled: mean test accuracy.
        other: mean test accuracy.
        p_value: Holm's, over all comparisons of the same kind in the experiment.
        comparisons: the number of these.
    """

    cell: Cell
    against: str
    difference: PairedDifference
    distilled: float
    other: float
    p_value: float
    comparisons: int

    def sentence(self) -> str:
        """Says whether distillation helped."""
        return verdict(self.difference, self.other, self.distilled, self.p_value, self.comparisons)


def accuracies(runs: Sequence[Run], shown: str, split: str = "test") -> list[float]:
    """Returns the accuracy of each run that is there."""
    return [run.metrics[shown][split]["accuracy"] for run in runs if run is not None]


def comparisons(results: Results, against: Sequence[str]) -> list[Comparison]:
    """Compares the distilled student with other arms, at every setting.

    Args:
        results: the experiment.
        against: the other arms, which make one family for Holm's correction.

    Returns:
        One comparison for each setting and arm that have a seed for both.
    """
    found = []
    for cell in results.cells:
        for arm in against:
            pairs = cell.complete("distilled", arm)
            if not pairs:
                continue
            distilled, other = zip(*pairs, strict=True)
            difference = difference_of(results, distilled, other)
            with_, without = (accuracies(runs, results.shown) for runs in (distilled, other))
            found.append((cell, arm, difference, float(np.mean(with_)), float(np.mean(without))))
    adjusted = holm([difference.p_value for _, _, difference, _, _ in found])
    return [Comparison(*each, p_value, len(found)) for each, p_value in
            zip(found, adjusted, strict=True)]  # fmt: skip


def difference_of(results: Results, runs: Sequence[Run], others: Sequence[Run]) -> PairedDifference:
    """Compares the test accuracies of runs with those of others, paired over seeds."""
    folds = results.recipe.folds
    return paired_difference(
        accuracies(runs, results.shown),
        accuracies(others, results.shown),
        resolution=1 / runs[0].metrics[results.shown]["test"]["examples"],
        test_to_train=1 / (folds - 1) if folds else 0.0,
    )


def against_labels(results: Results) -> list[Comparison]:
    """Compares with the student from labels, one comparison for each setting."""
    has_both = {"distilled", "student"} <= set(results.arms)
    return comparisons(results, ["student"]) if has_both else []


def against_controls(results: Results) -> list[Comparison]:
    """Compares with the controls, at every setting."""
    controls = [arm for arm in results.arms if arm in CONTROLS]
    return comparisons(results, controls) if "distilled" in results.arms else []


def against_shown(results: Results) -> list[Comparison]:
    """Compares with the controls, at the setting that `chosen_cell` returns."""
    chosen = chosen_cell(results)
    return [each for each in against_controls(results) if each.cell is chosen]


def chosen_by(results: Results) -> str:
    """Returns the arm by whose validation accuracy a setting is chosen."""
    return "distilled" if "distilled" in results.arms else results.arms[-1]


def chosen_cell(results: Results) -> Cell:
    """Returns the setting with the best validation accuracy of its distilled student.

    The test set plays no part in the choice. Without a distilled student, that of the last arm.
    """
    arm = chosen_by(results)

    def validation(cell: Cell) -> float:
        values = accuracies(cell.runs[arm], results.shown, "validation")
        return float(np.mean(values)) if values else -1.0

    return max(results.cells, key=validation)


def sentences(results: Results) -> list[str]:
    """Says what the experiment found, the most important first."""
    compared = against_labels(results)
    if not compared:
        return [_accuracy_sentence(results)]
    if len(results.cells) == 1:
        found = [compared[0].sentence()]
    else:
        chosen = chosen_cell(results)
        found = [_grid_sentence(each) for each in compared if each.cell is chosen]
        found.append(_count_sentence(compared))
    found.extend(map(_control_sentence, against_shown(results)))
    if results.missing:
        missing = "1 run is" if results.missing == 1 else f"{results.missing} runs are"
        found.append(f"{missing} missing; what is said is of the others.")
    return found


def _accuracy_sentence(results):
    cell, arm = chosen_cell(results), results.arms[-1]
    values = accuracies(cell.runs[arm], results.shown)
    if not values:
        return "No run is complete yet."
    mean, std = mean_and_std(values)
    spread = f" ± {std * 100:.1f}" if len(values) > 1 else ""
    seeds = "one seed" if len(values) == 1 else f"{len(values)} seeds"
    where = ""
    if results.axes:
        where = f"With {show_setting(cell.setting)}, the best setting on validation data, "
    said = f"{where}{ARMS[arm].title}: test accuracy {mean * 100:.1f}{spread} % ({seeds})."
    return f"{said[0].upper()}{said[1:]}"


def _grid_sentence(comparison):
    sentence, where = comparison.sentence(), show_setting(comparison.cell.setting)
    return f"With {where}, the best setting on validation data, {sentence[0].lower()}{sentence[1:]}"


def _count_sentence(compared):
    helped = sum(_is_told(each) and each.difference.mean > 0 for each in compared)
    hurt = sum(_is_told(each) and each.difference.mean < 0 for each in compared)
    return (
        f"Of {len(compared)} settings, distillation helped at {helped}, made it worse at {hurt}, "
        f"and cannot be told from chance at {len(compared) - helped - hurt}."
    )


def _control_sentence(comparison):
    difference, title = comparison.difference, ARMS[comparison.against].title
    points = f"{abs(difference.mean) * 100:.1f} points"
    if difference.seeds < 3:
        return f"Against {title}: too few seeds to tell."
    interval = f"95 % interval {difference.low * 100:+.1f} to {difference.high * 100:+.1f}"
    if not _is_told(comparison):
        return f"Against {title}: no difference that could be told from chance ({interval})."
    word = "better" if difference.mean > 0 else "worse"
    return f"Against {title}: the distilled student is {points} {word} ({interval})."


def _is_told(comparison):
    return comparison.difference.seeds >= 3 and comparison.p_value < 0.05

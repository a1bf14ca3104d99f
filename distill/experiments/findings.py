"""What an experiment found, in words and numbers: asked by pages of results and by notebooks."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from distill.data import class_number
from distill.errors import UserError
from distill.experiments.grid import show_setting
from distill.experiments.omitted import corrected_logits, errors_on
from distill.experiments.results import Cell, Results
from distill.experiments.summary import difference_of, sentences
from distill.experiments.tables import command_line
from distill.preparation import data_of, omitted_numbers
from distill.report.numbers import percent, plain, points
from distill.run_folder import Run


class Findings:
    """What can be asked of an experiment whose runs are all there.

    `where` is a dictionary of axes' values that names one setting, e.g. `{"temperature": 4}`; it
    can be left out where there is one setting only. An arm is a name in
    `distill.experiments.arms.ARMS`. All is of the epoch that the recipe shows, the last by default.

    Args:
        results: the experiment.

    Attributes:
        command: the command line that trains it.
        recipe: its recipe.
    """

    def __init__(self, results: Results):
        self.command, self.recipe = command_line(results), results.recipe
        self._results = results

    @property
    def said(self) -> str:
        """What the experiment says, a paragraph for each sentence."""
        return "\n\n".join(sentences(self._results))

    def runs(self, arm: str, where: Mapping | None = None) -> list[Run]:
        """One run for each seed."""
        if arm not in self._results.arms:
            raise UserError(
                f"`{self.command}` trains no {arm!r}; it trains {', '.join(self._results.arms)}."
            )
        return self._cell(where).runs[arm]

    def accuracies(self, arm: str, where: Mapping | None = None, split: str = "test") -> list:
        """One accuracy for each seed."""
        shown = self._results.shown
        return [run.metrics[shown][split]["accuracy"] for run in self.runs(arm, where)]

    def accuracy(self, arm: str, where: Mapping | None = None, split: str = "test") -> str:
        """Accuracy in per cent, mean ± standard deviation over seeds."""
        return percent(self.accuracies(arm, where, split))

    def accuracy_on(
        self, arm: str, of: Sequence[str], where: Mapping | None = None, corrected: bool = False
    ) -> str:
        """Accuracy on the test images of some classes, in per cent, mean ± std over seeds.

        Args:
            arm: an arm.
            of: names or numbers of the classes.
            where: a setting.
            corrected: with the bias of the classes that the student never saw corrected on
                validation data; see `distill.experiments.omitted.corrected_logits`.
        """
        data, shown, found = self._data(where), self._results.shown, []
        omitted = omitted_numbers(self._cell(where).recipe, data)
        numbers = [class_number(data, name) for name in of]
        for run in self.runs(arm, where):
            logits = run.predictions(shown, "test")
            if corrected:
                logits = corrected_logits(run, shown, omitted, on="validation")
            examples = int(np.isin(run.labels("test"), numbers).sum())
            found.append(1 - errors_on(run, logits, numbers) / examples)
        return percent(found)

    def counts(self, arm: str, where: Mapping | None = None, of: Sequence[str] = ()) -> list[int]:
        """Test errors, one number for each seed; those on the classes `of` only, where given."""
        shown, runs = self._results.shown, self.runs(arm, where)
        if not of:
            return [run.metrics[shown]["test"]["errors"] for run in runs]
        numbers = [class_number(self._data(where), name) for name in of]
        return [errors_on(run, run.predictions(shown, "test"), numbers) for run in runs]

    def errors(self, arm: str, where: Mapping | None = None, of: Sequence[str] = ()) -> str:
        """Test errors, mean ± standard deviation over seeds."""
        return plain(self.counts(arm, where, of))

    def difference(
        self, arm: str, other: str, where: Mapping | None = None,
        other_where: Mapping | None = None, digits: int = 1,
    ) -> str:  # fmt: skip
        """Points of test accuracy by which one arm is above another, paired over seeds."""
        found = self._difference(arm, other, where, other_where)
        p_value = "" if math.isnan(found.p_value) else f", p = {found.p_value:.2g}"
        return f"{points(found.mean, found.low, found.high, digits)}{p_value}"

    def is_above(
        self, arm: str, other: str, where: Mapping | None = None, other_where: Mapping | None = None
    ) -> bool:
        """Whether the whole 95 % interval of that difference is above 0."""
        return self._difference(arm, other, where, other_where).low > 0

    def _difference(self, arm, other, where, other_where):
        others = self.runs(other, where if other_where is None else other_where)
        return difference_of(self._results, self.runs(arm, where), others)

    def test_images(self, where: Mapping | None = None) -> int:
        """The number of test images."""
        return len(self.runs(self._results.arms[0], where)[0].labels("test"))

    def parameters(self, arm: str, where: Mapping | None = None) -> str:
        """Number of parameters."""
        return f"{self.runs(arm, where)[0].metrics['parameters']:,}"

    def best(self, arm: str = "distilled", where: Mapping | None = None) -> dict:
        """The setting with the highest mean validation accuracy, of those that `where` allows."""
        return max(
            (cell.setting for cell in self._cells(where)),
            key=lambda setting: np.mean(self.accuracies(arm, setting, "validation")),
        )

    def show(self, setting: Mapping) -> str:
        """A setting in words."""
        return show_setting(dict(setting))

    def _cells(self, where):
        wanted = dict(where or {})
        return [
            cell for cell in self._results.cells
            if all(cell.setting.get(name) == value for name, value in wanted.items())
        ]  # fmt: skip

    def _cell(self, where) -> Cell:
        cells = self._cells(where)
        if len(cells) != 1:
            raise UserError(
                f"{len(cells)} settings of `{self.command}` have {where or {}}, and one is needed; "
                f"the axes are {', '.join(axis.field for axis in self._results.axes)}."
            )
        return cells[0]

    def _data(self, where):
        return data_of(self._cell(where).recipe.with_seed(self.recipe.seed))

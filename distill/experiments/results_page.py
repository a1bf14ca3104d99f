"""Result pages: a Jinja2 template whose numbers, tables and figures come from run folders.

A template names experiments; every number in its text is asked of them. What it states of other
works, papers and their figures, stands in the template. Nothing is trained here.
"""

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2.sandbox
import numpy as np
from matplotlib.figure import Figure

from distill.data import class_number
from distill.errors import UserError
from distill.evaluation import confusion
from distill.experiments.arms import ARMS, MODELS
from distill.experiments.execution import find_complete
from distill.experiments.grid import axis_name, fixed, parse_axis, show, show_setting, with_setting
from distill.experiments.omitted import bias_table, errors_on
from distill.experiments.plan import make_plan
from distill.experiments.results import Cell, Results
from distill.experiments.studies import get_study
from distill.experiments.summary import difference_of, sentences
from distill.experiments.tables import controls_table, main_table
from distill.preparation import data_of
from distill.recipes import get_recipe
from distill.report import figures
from distill.report.numbers import percent, plain, points
from distill.report.tables import markdown_table
from distill.run_folder import Run, replacing

SUFFIX = ".md.j2"
_ARMS = {
    "teacher_train.py": ("teacher",),
    "student_train.py": ("student",),
    "distillation_train.py": (),
}


def write_results_page(template: Path, runs: Path) -> Path:
    """Fills a template from the runs that are there, and writes the page and its figures beside it.

    Args:
        template: its name ends in `.md.j2`; the page's is the same without `.j2`. It sees
            `experiment` (`ResultsPage.experiment`), whose result is a `CompleteExperiment`.
        runs: folder under which run folders lie.

    Returns:
        The page's path.

    Raises:
        UserError: a run is missing (the sentence names the command that trains it), or the
            template is not right.
    """
    if not template.name.endswith(SUFFIX) or not template.is_file():
        raise UserError(f"{template} is not a template of a result page; give a file FILE.md.j2.")
    page = ResultsPage(template.with_suffix(""), runs)
    # A template that somebody handed over must not run code.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    try:
        text = environment.from_string(template.read_text("utf-8")).render(
            experiment=page.experiment, mean=lambda values: float(np.mean(values))
        )
    except UserError:
        raise
    except Exception as error:  # a template can go wrong in as many ways as a program
        reason = error if isinstance(error, jinja2.TemplateError) else repr(error)
        raise UserError(f"The template {template} cannot be filled: {reason}; mend it.") from error
    with replacing(page.path) as temporary:
        temporary.write_text(text, "utf-8")
    return page.path


@dataclasses.dataclass(frozen=True)
class ResultsPage:
    """A page that is being made."""

    path: Path
    runs: Path

    def experiment(
        self,
        recipe: str,
        study: str | None = None,
        grid: Sequence[str] = (),
        controls: Sequence[str] = (),
        door: str = "distillation_train.py",
        **fields: Any,
    ) -> "CompleteExperiment":
        """Finds the runs of an experiment.

        Args:
            recipe: a recipe's name.
            study: a study's name.
            grid: further axes, as `--grid` takes them.
            controls: names of controls.
            door: the script that trains it; `teacher_train.py` trains teachers only.
            **fields: fields of the recipe that differ, as the scripts' flags set them.

        Returns:
            The experiment.

        Raises:
            UserError: some of its runs are not complete.
        """
        command = ["python", door, "--recipe", recipe]
        command += ["--study", study] if study else []
        command += ["--grid", *grid] if grid else []
        command += ["--controls", *controls] if controls else []
        for field, value in fields.items():
            shown = [f"{name}={_as_flag(each)}" for name, each in value.items()] if isinstance(
                value, Mapping) else [_as_flag(value)]  # fmt: skip
            command += [f"--{field.replace('_', '-')}", *shown]
        command += ["--runs", str(self.runs)] if self.runs != Path("runs") else []
        changed = get_recipe(recipe).with_values(fields)
        axes = [*(get_study(study, recipe).axes(changed) if study else ()), *map(parse_axis, grid)]
        changed, axes = fixed(changed, axes)
        for name, known in (*((name, ARMS) for name in controls), (door, _ARMS)):
            if name not in known:
                raise UserError(f"There is no {name!r}; use one of {', '.join(known)}.")
        plan = make_plan(changed, axes, _ARMS[door] or (*MODELS, *controls), self.runs)
        found = {folder: find_complete(task) for folder, task in plan.tasks.items()}
        if missing := [folder for folder, run in found.items() if run is None]:
            raise UserError(
                f"{len(missing)} of {len(found)} runs are not complete in {self.runs}; train them "
                f"first: {shlex.join(command)}"
            )
        cells = [
            Cell(setting, with_setting(changed, setting),
                 {arm: [found[folder] for folder in folders] for arm, folders in cell.items()})
            for setting, cell in zip(plan.settings, plan.cells, strict=True)
        ]  # fmt: skip
        results = Results(changed, plan.axes, plan.arms, cells, command[1:], plan.folder, [])
        return CompleteExperiment(results, shlex.join(command), self.path)


def _as_flag(value):
    """The text of which a flag makes that value again."""
    if isinstance(value, tuple | list):
        return "+".join(value)
    is_short = isinstance(value, float) and float(show(value)) == value
    return show(value) if is_short or value is None else str(value)


class CompleteExperiment:
    """What a template can ask of an experiment.

    `where` is a dictionary of axes' values that names one setting, e.g. `{"temperature": 4}`; it
    can be left out where there is one setting only.

    Attributes:
        command: the command line that trains it.
        recipe: its recipe.
    """

    def __init__(self, results: Results, command: str, page: Path):
        self.command, self.recipe = command, results.recipe
        self._results, self._page = results, page

    @property
    def table(self) -> str:
        """The experiment's table of test accuracies, with its notes."""
        return markdown_table(main_table(self._results))

    @property
    def controls(self) -> str:
        """The table of the distilled student against its controls."""
        return self._table(controls_table(self._results), "controls")

    @property
    def bias(self) -> str:
        """The table of errors before and after the correction of the omitted classes' bias."""
        return self._table(bias_table(self._results), "omitted classes")

    def _table(self, table, of):
        if table is None:
            raise UserError(f"`{self.command}` has no {of}; leave their table out.")
        return markdown_table(table)

    @property
    def said(self) -> str:
        """What the experiment says, a paragraph for each sentence."""
        return "\n\n".join(sentences(self._results))

    def accuracies(self, arm: str, where: Mapping | None = None, split: str = "test") -> list:
        """One accuracy for each seed."""
        shown = self._results.shown
        return [run.metrics[shown][split]["accuracy"] for run in self._runs(arm, where)]

    def accuracy(self, arm: str, where: Mapping | None = None, split: str = "test") -> str:
        """Accuracy in per cent, mean ± standard deviation over seeds."""
        return percent(self.accuracies(arm, where, split))

    def counts(self, arm: str, where: Mapping | None = None, of: Sequence[str] = ()) -> list[int]:
        """Test errors, one number for each seed; those on the classes `of` only, where given."""
        shown, runs = self._results.shown, self._runs(arm, where)
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
        others = self._runs(other, where if other_where is None else other_where)
        return difference_of(self._results, self._runs(arm, where), others)

    def parameters(self, arm: str, where: Mapping | None = None) -> str:
        """Number of parameters."""
        return f"{self._runs(arm, where)[0].metrics['parameters']:,}"

    def best(self, arm: str = "distilled", where: Mapping | None = None) -> dict:
        """The setting with the highest mean validation accuracy, of those that `where` allows."""
        return max(
            (cell.setting for cell in self._cells(where)),
            key=lambda setting: np.mean(self.accuracies(arm, setting, "validation")),
        )

    def show(self, setting: Mapping) -> str:
        """A setting in words."""
        return show_setting(dict(setting))

    def curve(
        self, name: str, arms: Sequence[str] = tuple(MODELS), where: Mapping | None = None,
        axis: str | None = None, quantity: str = "test accuracy",
    ) -> str:  # fmt: skip
        """Draws test accuracy (or `test errors`) along an axis; returns the picture's Markdown."""
        axes = [each for each in self._results.axes if each.field == axis or axis is None]
        if len(axes) != 1 or quantity not in ("test accuracy", "test errors"):
            known = ", ".join(each.field for each in self._results.axes) or "none"
            raise UserError(
                f"A curve of {quantity!r} along {axis!r} cannot be drawn for `{self.command}`; "
                f"name one of its axes ({known}), and test accuracy or test errors."
            )
        (axis,) = axes
        settings = [{**(where or {}), axis.field: value} for value in axis.values]
        ask = self.counts if quantity == "test errors" else self.accuracies
        series = {ARMS[arm].title: [ask(arm, setting) for setting in settings] for arm in arms}
        shown = [value if isinstance(value, int | float) else show(value) for value in axis.values]
        drawn = figures.axis_curve(axis_name(axis.field), shown, series, quantity)
        return self._picture(
            name, drawn, f"{quantity} along {axis_name(axis.field)}, 95 % intervals"
        )

    def learning_curves(
        self, name: str, arms: Sequence[str] = tuple(MODELS), where: Mapping | None = None
    ) -> str:
        """Draws validation accuracy by epoch; returns the picture's Markdown."""
        histories = {
            ARMS[arm].title: [run.history()["val_accuracy"] for run in self._runs(arm, where)]
            for arm in arms
        }
        drawn = figures.learning_curve(histories, "validation accuracy")
        return self._picture(name, drawn, "validation accuracy by epoch, mean ± std of seeds")

    def confusions(self, name: str, arm: str, where: Mapping | None = None) -> str:
        """Draws a confusion matrix of errors alone, mean over seeds; returns its Markdown."""
        shown, data = self._results.shown, self._data(where)
        counts = [confusion(run.predictions(shown, "test"), run.labels("test"))
                  for run in self._runs(arm, where)]  # fmt: skip
        drawn = figures.confusion_matrix(np.mean(counts, axis=0), data.class_names, True)
        return self._picture(name, drawn, f"test errors of the {ARMS[arm].title}, mean of seeds")

    def _picture(self, name, figure: Figure, text):
        path = self._page.with_suffix("") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=120, format="png", facecolor="white")
        return f"![{text}]({path.parent.name}/{path.name})"

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

    def _runs(self, arm, where) -> list[Run]:
        if arm not in self._results.arms:
            raise UserError(
                f"`{self.command}` trains no {arm!r}; it trains {', '.join(self._results.arms)}."
            )
        return self._cell(where).runs[arm]

    def _data(self, where):
        return data_of(self._cell(where).recipe.with_seed(self.recipe.seed))

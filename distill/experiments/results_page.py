"""Result pages: a Jinja2 template whose numbers, tables and figures come from run folders.

A template names experiments; every number in its text is asked of them. What it states of other
works, papers and their figures, stands in the template. Nothing is trained here.
"""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2.sandbox
import numpy as np
from matplotlib.figure import Figure

from distill.errors import UserError
from distill.evaluation import confusion
from distill.experiments.arms import ARMS, MODELS
from distill.experiments.command import ARMS_OF, make_command
from distill.experiments.execution import find_complete
from distill.experiments.findings import Findings
from distill.experiments.grid import axis_name, fixed, parse_axis, show, with_setting
from distill.experiments.omitted import bias_table
from distill.experiments.plan import make_plan
from distill.experiments.results import Cell, Results
from distill.experiments.studies import get_study
from distill.experiments.tables import controls_table, main_table
from distill.recipes import get_recipe
from distill.report import figures
from distill.report.tables import markdown_table
from distill.run_folder import replacing

SUFFIX = ".md.j2"


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
        command = make_command(door, recipe, fields, study, grid, controls, self.runs)
        changed = get_recipe(recipe).with_values(fields)
        axes = [*(get_study(study, recipe).axes(changed) if study else ()), *map(parse_axis, grid)]
        changed, axes = fixed(changed, axes)
        for name, known in (*((name, ARMS) for name in controls), (door, ARMS_OF)):
            if name not in known:
                raise UserError(f"There is no {name!r}; use one of {', '.join(known)}.")
        plan = make_plan(changed, axes, (*ARMS_OF[door], *controls), self.runs)
        found = {folder: find_complete(task) for folder, task in plan.tasks.items()}
        if missing := [folder for folder, run in found.items() if run is None]:
            raise UserError(
                f"{len(missing)} of {len(found)} runs are not complete in {self.runs}; train them "
                f"first: {shlex.join(['python', *command])}"
            )
        cells = [
            Cell(setting, with_setting(changed, setting),
                 {arm: [found[folder] for folder in folders] for arm, folders in cell.items()})
            for setting, cell in zip(plan.settings, plan.cells, strict=True)
        ]  # fmt: skip
        results = Results(changed, plan.axes, plan.arms, cells, command, plan.folder, [])
        return CompleteExperiment(results, self.path)


class CompleteExperiment(Findings):
    """What a template can ask of an experiment: findings, tables, and figures beside the page."""

    def __init__(self, results: Results, page: Path):
        super().__init__(results)
        self._page = page

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
            ARMS[arm].title: [run.history()["val_accuracy"] for run in self.runs(arm, where)]
            for arm in arms
        }
        drawn = figures.learning_curve(histories, "validation accuracy")
        return self._picture(name, drawn, "validation accuracy by epoch, mean ± std of seeds")

    def confusions(self, name: str, arm: str, where: Mapping | None = None) -> str:
        """Draws a confusion matrix of errors alone, mean over seeds; returns its Markdown."""
        shown, data = self._results.shown, self._data(where)
        counts = [confusion(run.predictions(shown, "test"), run.labels("test"))
                  for run in self.runs(arm, where)]  # fmt: skip
        drawn = figures.confusion_matrix(np.mean(counts, axis=0), data.class_names, True)
        return self._picture(name, drawn, f"test errors of the {ARMS[arm].title}, mean of seeds")

    def _picture(self, name, figure: Figure, text):
        path = self._page.with_suffix("") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=120, format="png", facecolor="white")
        return f"![{text}]({path.parent.name}/{path.name})"

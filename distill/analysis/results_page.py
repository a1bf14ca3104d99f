"""Results pages: a Jinja template that takes its numbers, tables and figures from run folders.

A template names experiments and asks them for every number in its text. Numbers of papers and other
works stand in the template itself.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2.sandbox
import numpy as np
from matplotlib.figure import Figure

from distill.analysis.figures.curves import axis_curve, learning_curve, logged, what_is_drawn
from distill.analysis.figures.matrices import confusion_matrix
from distill.analysis.figures.style import save_png
from distill.analysis.numbers import percent, plain, points
from distill.analysis.page.parts import Table
from distill.analysis.results import GridPoint, Results, Where
from distill.analysis.sentences import sentences
from distill.analysis.tables import ablation_table, main_table, unseen_classes_table
from distill.errors import UserError
from distill.experiments.command import VARIANTS_OF, make_command
from distill.experiments.grid import fixed, parse_axis, show_setting
from distill.experiments.plan import make_plan
from distill.experiments.studies import get_study
from distill.experiments.variants import ABLATIONS, MAIN_VARIANTS, VARIANTS
from distill.files import write_text
from distill.recipes import flag_of, full_name, get_recipe
from distill.runs import completed

SUFFIX = ".md.j2"


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """A template from somebody else must not run code, nor write files by paths and arrays."""

    def is_safe_attribute(self, obj, attr, value):
        is_writer = isinstance(obj, Path | np.ndarray)
        return not is_writer and super().is_safe_attribute(obj, attr, value)


def write_results_page(template: Path, runs: Path) -> Path:
    """Fills the template FILE.md.j2 from finished runs; writes FILE.md and its figures beside it.

    The template sees `experiment`, which is `ResultsPage.experiment`, and the filters below.

    Raises:
        UserError: a run is missing (the sentence names the command that trains it), or the
            template has an error.
    """
    if not template.name.endswith(SUFFIX) or not template.is_file():
        raise UserError(f"{template} is not a template of a results page; give a file FILE.md.j2.")
    page = ResultsPage(template.with_suffix(""), runs)
    environment = _Sandbox(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "percent": percent,
        "plain": plain,
        "points": points,
        "mean": lambda values: float(np.mean(values)),
        "setting": show_setting,
        "thousands": "{:,}".format,
    }
    try:
        source = environment.from_string(template.read_text("utf-8"))
        text = source.render(experiment=page.experiment)
    except UserError:
        raise
    except Exception as error:  # a template can fail in as many ways as a program
        reason = error if isinstance(error, jinja2.TemplateError) else repr(error)
        raise UserError(f"The template {template} cannot be filled: {reason}; fix it.") from error
    write_text(page.path, text)
    return page.path


@dataclasses.dataclass(frozen=True)
class ResultsPage:
    """A page in the making: its path, and the folder that holds run folders."""

    path: Path
    runs: Path

    def experiment(
        self,
        recipe: str,
        study: str | None = None,
        grid: Sequence[str] = (),
        ablations: Sequence[str] = (),
        script: str = "distillation_train.py",
        **values: Any,
    ) -> "PageResults":
        """Finds the runs of an experiment, or raises a `UserError` if some are not complete.

        The arguments are those of the command line, and `values` are settings that differ from the
        recipe. `teacher_train.py` trains only teachers.
        """
        named = {full_name(name): value for name, value in values.items()}
        command = make_command(script, recipe, named, study, grid, ablations, self.runs)
        changed = get_recipe(recipe).with_values(named)
        axes = [*(get_study(study, recipe).axes(changed) if study else ()), *map(parse_axis, grid)]
        changed, axes = fixed(changed, axes)
        for name, known in (*((each, ABLATIONS) for each in ablations), (script, VARIANTS_OF)):
            if name not in known:
                raise UserError(f"There is no {name!r}; use one of {', '.join(known)}.")
        plan = make_plan(changed, axes, (*VARIANTS_OF[script], *ablations), self.runs)
        found = {key: completed(spec.folder, spec.identity) for key, spec in plan.specs.items()}
        if missing := [key for key, run in found.items() if run is None]:
            raise UserError(
                f"{len(missing)} of {len(found)} runs are not complete in {self.runs}; train them "
                f"first: {shlex.join(['python', *command])}"
            )
        grid_points = [
            GridPoint(
                point.setting,
                point.recipe,
                {variant: [found[key] for key in keys] for variant, keys in point.runs.items()},
            )
            for point in plan.points
        ]
        return PageResults(
            changed, plan.axes, plan.variants, grid_points, command, plan.folder, page=self.path
        )


@dataclasses.dataclass(frozen=True)
class PageResults(Results):
    """Results for a template: they also give tables, sentences and pictures as Markdown."""

    page: Path = Path("page.md")  # pictures are written into a folder of that name

    @property
    def text(self) -> str:
        """The sentences about the experiment, one paragraph each."""
        return "\n\n".join(sentences(self))

    @property
    def table(self) -> str:
        """The table of test accuracies, with its notes."""
        return main_table(self).markdown()

    @property
    def ablation_table(self) -> str:
        """The table of the distilled student against its ablations."""
        return self._markdown(ablation_table(self), "ablations")

    @property
    def unseen_classes_table(self) -> str:
        """The table of errors on classes that the students never saw."""
        return self._markdown(unseen_classes_table(self), "unseen classes")

    def _markdown(self, table: Table | None, of: str) -> str:
        if table is None:
            raise UserError(f"`{self.command_line}` has no {of}; remove their table.")
        return table.markdown()

    def curve(
        self,
        name: str,
        variants: Sequence[str] = tuple(MAIN_VARIANTS),
        where: Where = None,
        axis: str | None = None,
        quantity: str = "test accuracy",
    ) -> str:
        """Draws test accuracy (or `test errors`) along an axis; returns the picture's Markdown."""
        axes = [each for each in self.axes if axis is None or each.field == full_name(axis)]
        if len(axes) != 1 or quantity not in ("test accuracy", "test errors"):
            known = ", ".join(flag_of(each.field)[2:] for each in self.axes) or "none"
            raise UserError(
                f"A curve of {quantity!r} along {axis!r} cannot be drawn for "
                f"`{self.command_line}`; name one of its axes ({known}), and test accuracy or test "
                "errors."
            )
        field, values = axes[0].field, axes[0].values
        settings = [{**(where or {}), field: value} for value in values]
        ask = self.errors if quantity == "test errors" else self.accuracies
        series = {
            VARIANTS[variant].title: [ask(variant, setting) for setting in settings]
            for variant in variants
        }
        figure = axis_curve(axes[0].title, values, series, quantity)
        text = f"{quantity} along {axes[0].title}, {what_is_drawn(series)}"
        return self._picture(name, figure, text)

    def learning_curves(
        self, name: str, variants: Sequence[str] = tuple(MAIN_VARIANTS), where: Where = None
    ) -> str:
        """Draws validation accuracy by epoch; returns the picture's Markdown."""
        quantity = "validation accuracy"
        figure = learning_curve(logged(self.histories(variants, where), quantity), quantity)
        return self._picture(name, figure, f"validation accuracy by epoch, {self.spread}")

    def confusions(self, name: str, variant: str, where: Where = None) -> str:
        """Draws the mean confusion matrix, errors only; returns the picture's Markdown."""
        names = self.data(where).class_names
        figure = confusion_matrix(self.mean_confusion(variant, where), names, errors_only=True)
        text = f"test errors of the {VARIANTS[variant].title}, mean over seeds"
        return self._picture(name, figure, text)

    def _picture(self, name: str, figure: Figure, text: str) -> str:
        path = self.page.with_suffix("") / f"{name}.png"
        save_png(figure, path, dpi=120)
        return f"![{text}]({path.parent.name}/{path.name})"

"""Students that never saw some classes: their errors on them, and the correction of their bias."""

from collections.abc import Sequence

import numpy as np

from distill.class_bias import best_class_bias, with_class_bias
from distill.data import ImageData, class_number
from distill.experiments.arms import ARMS
from distill.experiments.grid import show_setting
from distill.experiments.results import Results
from distill.preparation import data_of, omitted_numbers
from distill.recipes import Recipe
from distill.report.numbers import plain
from distill.report.page import Table
from distill.run_folder import Run


def errors_on(run: Run, shown: str, data: ImageData, classes: Sequence[str]) -> int:
    """Counts a run's test errors on the images of some classes."""
    numbers = [class_number(data, name) for name in classes]
    return _count(run.predictions(shown, "test"), run.labels("test"), numbers)


def corrected_errors(
    run: Run, shown: str, recipe: Recipe, on: str, classes: Sequence[str] = ()
) -> int:
    """Counts test errors after one number was added to the logits of the classes never seen.

    The number is the one with the highest accuracy on the split `on`. Chosen on validation data,
    it is a fair figure; chosen on the test set, as Hinton, Vinyals and Dean (2015) did, it is not.

    Args:
        run: the run of a student.
        shown: `"last"` or `"best"` epoch.
        recipe: its recipe, which says what classes were never seen.
        on: `"validation"` or `"test"`.
        classes: count the errors on these classes only.
    """
    data = data_of(recipe.with_seed(run.seed))
    omitted = omitted_numbers(recipe, data)
    bias = best_class_bias(run.predictions(shown, on), run.labels(on), omitted)
    logits = with_class_bias(run.predictions(shown, "test"), omitted, bias)
    return _count(logits, run.labels("test"), [class_number(data, name) for name in classes])


def _count(logits, labels, numbers=()):
    wrong = np.argmax(logits, axis=-1) != labels
    return int(np.sum(wrong & np.isin(labels, numbers) if len(numbers) else wrong))


def bias_table(results: Results) -> Table | None:
    """Makes the table of errors before and after the correction, where classes were omitted."""
    rows = []
    for cell in results.cells:
        data = data_of(cell.recipe.with_seed(results.recipe.seed))
        names = [data.class_names[number] for number in omitted_numbers(cell.recipe, data)]
        for arm in results.arms if names else ():
            runs = [run for run in cell.runs[arm] if run is not None and run.role != "teacher"]
            if not runs:
                continue
            asked = results.shown, cell.recipe
            counts = [
                [run.metrics[results.shown]["test"]["errors"] for run in runs],
                [errors_on(run, results.shown, data, names) for run in runs],
                [corrected_errors(run, *asked, "validation") for run in runs],
                [corrected_errors(run, *asked, "validation", names) for run in runs],
                [corrected_errors(run, *asked, "test") for run in runs],
            ]
            setting = [show_setting(cell.setting)] if results.axes else []
            rows.append([*setting, ARMS[arm].title, *map(plain, counts)])
    if not rows:
        return None
    headings = ["setting"] if results.axes else []
    headings += ["model", "errors", "on omitted classes", "corrected",
                 "corrected, on omitted classes", "corrected on the test set"]  # fmt: skip
    notes = (
        "Test errors. Corrected: one number was added to the logits of the omitted classes, the "
        "one with the highest accuracy on validation data; in the last column, as in Hinton, "
        "Vinyals and Dean (2015), on the test set itself, which flatters."
    )
    return Table(headings, rows, caption="Classes that no student saw", notes=notes)

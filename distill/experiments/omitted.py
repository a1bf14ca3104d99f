"""Students that never saw some classes: their errors on them, and the correction of their bias."""

from collections.abc import Sequence

import numpy as np

from distill.class_bias import best_class_bias, with_class_bias
from distill.experiments.arms import ARMS
from distill.experiments.grid import show_setting
from distill.experiments.results import Results
from distill.preparation import data_of, omitted_numbers
from distill.report.numbers import plain
from distill.report.page import Table
from distill.run_folder import Run


def errors_on(run: Run, logits: np.ndarray, classes: Sequence[int]) -> int:
    """Counts errors on a run's test images of some classes, by their numbers."""
    labels = run.labels("test")
    return int(np.sum((np.argmax(logits, axis=-1) != labels) & np.isin(labels, classes)))


def corrected_logits(run: Run, shown: str, omitted: Sequence[int], on: str) -> np.ndarray:
    """Adds one number to the test logits of the classes never seen.

    The number is the one with the highest accuracy on the split `on`. Chosen on validation data,
    it gives a fair figure; chosen on the test set, as Hinton, Vinyals and Dean (2015) did, it does
    not.

    Args:
        run: the run of a student.
        shown: `"last"` or `"best"` epoch.
        omitted: numbers of the classes.
        on: `"validation"` or `"test"`.
    """
    bias = best_class_bias(run.predictions(shown, on), run.labels(on), omitted)
    return with_class_bias(run.predictions(shown, "test"), omitted, bias)


def bias_table(results: Results) -> Table | None:
    """Makes the table of errors before and after the correction, where classes were omitted."""
    rows = []
    for cell in results.cells:
        data = data_of(cell.recipe.with_seed(results.recipe.seed))
        omitted, every = omitted_numbers(cell.recipe, data), range(data.classes)
        for arm in results.arms if omitted else ():
            runs = [run for run in cell.runs[arm] if run is not None and run.role != "teacher"]
            if not runs:
                continue
            counts = []
            for run in runs:
                own = run.predictions(results.shown, "test")
                fair, flattering = (
                    corrected_logits(run, results.shown, omitted, on)
                    for on in ("validation", "test")
                )
                asked = (own, every), (own, omitted), (fair, every), (fair, omitted)
                counts.append([errors_on(run, *each) for each in (*asked, (flattering, every))])
            setting = [show_setting(cell.setting)] if results.axes else []
            rows.append([*setting, ARMS[arm].title, *map(plain, zip(*counts, strict=True))])
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

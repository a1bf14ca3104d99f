"""Quality and calibration of runs, side by side; see `distill.evaluation`."""

import functools
from collections.abc import Sequence

from distill.analysis.numbers import percent, plain
from distill.evaluation import agreement, fit_temperature, kl_to_teacher, measure
from distill.runs import Run

_THREE_DIGITS = functools.partial(plain, digits=3)
# How each quantity is formatted, in the order of the table.
_FORMATS = {
    "accuracy": percent,
    "top-5 accuracy": percent,
    "errors": plain,
    "NLL, nats": _THREE_DIGITS,
    "calibration error (ECE)": percent,
    "calibration temperature": functools.partial(plain, digits=2),
    "NLL, calibrated": _THREE_DIGITS,
    "ECE, calibrated": percent,
    "agreement with teacher": percent,
    "KL to teacher, nats": _THREE_DIGITS,
    "parameters": lambda values: f"{values[0]:,}",
}


def quality(run: Run, checkpoint: str, teacher: Run | None = None) -> dict[str, float]:
    """Measures a run's model on the test set, by the names of `quality_rows`.

    The calibration is fitted on validation data. Agreement and divergence need the teacher's run.
    """
    logits, labels = run.predictions(checkpoint, "test"), run.labels("test")
    validation = run.predictions(checkpoint, "validation"), run.labels("validation")
    temperature = fit_temperature(*validation)
    before, after = measure(logits, labels), measure(logits / temperature, labels)
    found = {
        "accuracy": before["accuracy"],
        "errors": before["errors"],
        "NLL, nats": before["nll"],
        "calibration error (ECE)": before["ece"],
        "calibration temperature": temperature,
        "NLL, calibrated": after["nll"],
        "ECE, calibrated": after["ece"],
    }
    if run.has_model:
        found["parameters"] = run.metrics["parameters"]
    if "top5" in before:
        found["top-5 accuracy"] = before["top5"]
    if teacher is not None:
        teacher_logits = teacher.predictions("last", "test")
        found["agreement with teacher"] = agreement(teacher_logits, logits)
        found["KL to teacher, nats"] = kl_to_teacher(teacher_logits, logits)
    return found


def quality_rows(columns: Sequence[Sequence[dict[str, float]]]) -> list[list[str]]:
    """Makes the rows of a table, mean ± std over the seeds of each column.

    A column holds what `quality` returned for each seed. What no column has gets no row.
    """
    rows = []
    for name, form in _FORMATS.items():
        values = [[found[name] for found in column if name in found] for column in columns]
        if any(values):
            rows.append([name, *(form(each) if each else "–" for each in values)])
    return rows

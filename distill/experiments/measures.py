"""What the models of some runs are worth, side by side; see `distill.evaluation`."""

from collections.abc import Sequence

import numpy as np

from distill.evaluation import (
    agreement,
    fit_temperature,
    kl_to_teacher,
    measure,
)
from distill.report.numbers import percent, plain
from distill.run_folder import Run

# How each quantity is shown, in the order of the table.
_SHOWN = {
    "accuracy": percent,
    "top-5 accuracy": percent,
    "errors": plain,
    "NLL, nats": lambda values: plain(values, digits=3),
    "calibration error (ECE)": percent,
    "calibrating temperature": lambda values: plain(values, digits=2),
    "NLL, calibrated": lambda values: plain(values, digits=3),
    "ECE, calibrated": percent,
    "agreement with teacher": percent,
    "KL to teacher, nats": lambda values: plain(values, digits=3),
    "parameters": lambda values: f"{values[0]:,}",
    "file, kB": lambda values: f"{values[0]:,.0f}",
}


def quantities(run: Run, epoch: str, teacher: Run | None = None) -> dict[str, float]:
    """Measures one run's model on the test set; temperature scaling is fitted on validation data.

    Args:
        run: the run.
        epoch: `"last"` or `"best"`.
        teacher: the run of its teacher, for agreement and divergence.

    Returns:
        Numbers by the names of the table's rows.
    """
    logits, labels = run.predictions(epoch, "test"), run.labels("test")
    temperature = fit_temperature(run.predictions(epoch, "validation"), run.labels("validation"))
    before, after = measure(logits, labels), measure(logits / temperature, labels)
    found = {
        "accuracy": before["accuracy"],
        "errors": before["errors"],
        "NLL, nats": before["nll"],
        "calibration error (ECE)": before["ece"],
        "calibrating temperature": temperature,
        "NLL, calibrated": after["nll"],
        "ECE, calibrated": after["ece"],
        "parameters": run.metrics["parameters"],
        "file, kB": run.metrics[epoch]["model_bytes"] / 1000,
    }
    if "top5" in before:
        found["top-5 accuracy"] = before["top5"]
    if teacher is not None:
        teacher_logits = teacher.predictions("last", "test")
        found["agreement with teacher"] = agreement(teacher_logits, logits)
        found["KL to teacher, nats"] = kl_to_teacher(teacher_logits, logits)
    return found


def measure_rows(columns: Sequence[Sequence[dict[str, float]]]) -> list[list[str]]:
    """Makes a table's rows, mean ± std over the seeds of each column.

    Args:
        columns: for each column, what `quantities` returned for each seed.

    Returns:
        For each quantity that any of them has, its name and one text for each column.
    """
    rows = []
    for name, show in _SHOWN.items():
        values = [[found[name] for found in column if name in found] for column in columns]
        if any(values):
            rows.append([name, *(show(np.array(each)) if each else "–" for each in values)])
    return rows

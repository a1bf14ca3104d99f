"""Sections of the report about the models of one setting: curves, worth, errors, costs."""

import dataclasses
import json

import numpy as np

from distill.data import ImageData
from distill.errors import UserError
from distill.evaluation import confusion, multiply_adds, per_class_accuracy, reliability, speed
from distill.experiments.arms import ARMS, MODELS
from distill.experiments.grid import show_setting
from distill.experiments.measures import measure_rows, quantities
from distill.experiments.results import Cell, Results
from distill.experiments.summary import accuracies
from distill.report import figures
from distill.report.numbers import percent
from distill.report.page import Picture, Section, Table
from distill.run_folder import Run, read_json, taught_by, write_json

_BATCHES = (1, 32)


@dataclasses.dataclass(frozen=True)
class Focus:
    """The setting of an experiment that its report looks at closely.

    Attributes:
        results: the experiment.
        cell: the setting.
        runs: its runs by arm, those that are there; an arm without any is left out.
        data: the images of the first of them, or `None` where they cannot be had any more.
        where: the beginning of a section's text, "" where there is one setting only.
    """

    results: Results
    cell: Cell
    runs: dict[str, list[Run]]
    data: ImageData | None
    where: str


def learning_curves(focus: Focus) -> Section | None:
    """Accuracy and cross-entropy by epoch, with and without distillation."""
    histories = {
        ARMS[arm].title: [run.history() for run in each if run.metrics["last"]["epoch"]]
        for arm, each in _main(focus.runs).items()
    }
    histories = {name: each for name, each in histories.items() if each}
    if not histories:
        return None
    items = []
    columns_of = {
        "validation accuracy": ("val_accuracy",),
        "validation cross-entropy": ("val_hard_loss", "val_loss"),
    }
    for quantity, columns in columns_of.items():
        curves = {
            name: [next(history[column] for column in columns if column in history)
                   for history in each]
            for name, each in histories.items()
        }  # fmt: skip
        figure = figures.learning_curve(curves, quantity)
        ends = "; ".join(f"{name} ends at {np.mean([each[-1] for each in series]):.3f}"
                         for name, series in curves.items())  # fmt: skip
        items.append(Picture(figure, f"{quantity} by epoch: {ends}"))
    text = f"{focus.where}Mean over seeds, band of ± one standard deviation."
    return Section("Learning curves, with and without distillation", text, items)


def worth(focus: Focus) -> Section:
    """What the models are worth beyond accuracy: calibration, agreement, size and speed."""
    results, cell, runs, data = focus.results, focus.cell, focus.runs, focus.data
    teachers = cell.runs.get("teacher", [])
    columns = []
    for arm in runs:
        of_seed = zip(cell.runs[arm], teachers or [None] * len(cell.runs[arm]), strict=True)
        columns.append([
            quantities(run, results.shown, None if arm == "teacher" else taught_by(run) or teacher)
            for run, teacher in of_seed if run is not None
        ])  # fmt: skip
    rows = measure_rows(columns)
    if data is not None:
        measured = [_cost(results, each[0], data) for each in runs.values()]
        speeds = [cost["speeds"] for cost in measured]
        counts = [cost["multiply_adds"] for cost in measured]
        rows.append(["multiply-adds", *("–" if n is None else f"{n:,}" for n in counts)])
        for number, batch in enumerate(_BATCHES):
            rows.append([f"latency, batch {batch}, ms",
                         *(f"{each[number]['milliseconds']:.2f}" for each in speeds)])  # fmt: skip
        rows.append(["images per second, batch 32",
                     *(f"{each[-1]['images_per_second']:,.0f}" for each in speeds)])  # fmt: skip
    headings = ["test set", *(ARMS[arm].title for arm in runs)]
    notes = (
        "Mean ± std of seeds. Calibrated: logits divided by the temperature that fits the "
        "validation data best. Latency: median, compiled Keras model, on the machine that made "
        "this page."
    )
    bins = {
        ARMS[arm].title: _mean_reliability(each, results.shown) for arm, each in _main(runs).items()
    }
    alt = "Accuracy by confidence; calibration errors are in the table above."
    caption = (
        "Accuracy by confidence, test examples of all seeds; above the line a model is more often "
        "right than it is sure. The area of a mark is its share of the examples; groups of fewer "
        "than ten are left out."
    )
    figure = figures.reliability_diagram(bins)
    text = (
        f"{focus.where}How sure each model is, how it agrees with its teacher, and what it costs."
    )
    return Section("What the models are worth", text,
                   [Table(headings, rows, notes=notes), Picture(figure, alt, caption)])  # fmt: skip


def _main(runs):
    """The runs of the main job's models, for figures that the controls would crowd."""
    return {arm: each for arm, each in runs.items() if arm in MODELS}


def _multiply_adds(model, shape):
    try:
        return multiply_adds(model, shape)
    except UserError:  # sizes that are known only when it runs
        return None


def _mean_reliability(runs, shown):
    logits = np.concatenate([run.predictions(shown, "test") for run in runs])
    found = reliability(logits, np.concatenate([run.labels("test") for run in runs]))
    return found.confidence, found.accuracy, found.count


def _cost(results: Results, run: Run, data: ImageData) -> dict:
    """What a run's model costs, kept beside the report: times are of one machine and one hour.

    Models that differ in weights alone cost the same, and the first of them is measured.
    """
    path = results.folder / "cost.json"
    known = read_json(path) if path.exists() else {}
    network = _network(run)
    if network not in known:
        model = run.load_model(results.shown)
        # The model's own, which a grid over image sizes varies; of any size, the data's.
        sizes = zip(model.input_shape[1:], data.image_shape, strict=True)
        shape = tuple(own or other for own, other in sizes)
        speeds = [speed(model, shape, batch, seconds=0.2) for batch in _BATCHES]
        known[network] = {
            "multiply_adds": _multiply_adds(model, shape),
            "speeds": [vars(each) for each in speeds],
        }
        write_json(path, known)
    return known[network]


def errors(focus: Focus) -> Section:
    """Which classes are taken for which, and the accuracy of each class."""
    results, runs, data = focus.results, focus.runs, focus.data
    arm = "distilled" if "distilled" in runs else list(runs)[-1]
    matrices = [confusion(run.predictions(results.shown, "test"), run.labels("test"))
                for run in runs[arm]]  # fmt: skip
    matrix = np.mean(matrices, axis=0)
    names = data.class_names if data else [str(number) for number in range(len(matrix))]
    worst = sorted(
        ((matrix[i, j], i, j) for i in range(len(matrix)) for j in range(len(matrix)) if i != j),
        reverse=True,
    )[:3]
    common = ", ".join(f"{names[i]} taken for {names[j]} ({count:g})" for count, i, j in worst)
    items = [
        Picture(figures.confusion_matrix(matrix, names),
                f"Confusion matrix; most common errors: {common}",
                "Test examples by true and predicted class, mean over seeds."),
        Picture(figures.confusion_matrix(matrix, names, errors_only=True),
                f"Errors only; most common: {common}",
                f"Only the errors, of the {ARMS[arm].title}, mean over seeds."),
    ]  # fmt: skip
    items.append(_per_class(results, runs, names))
    text = f"{focus.where}Most common errors of the {ARMS[arm].title}, mean over seeds: {common}."
    return Section("Which classes are confused", text, items)


def _per_class(results, runs, names):
    columns = []
    for each in runs.values():
        values = np.array([per_class_accuracy(run.predictions(results.shown, "test"),
                                              run.labels("test")) for run in each])  # fmt: skip
        columns.append(["–" if np.isnan(column).any() else percent(column) for column in values.T])
    counts = np.bincount(next(iter(runs.values()))[0].labels("test"), minlength=len(names))
    rows = [[name, str(count), *cells]
            for name, count, *cells in zip(names, counts, *columns, strict=True)]  # fmt: skip
    headings = ["class", "test images", *(ARMS[arm].title for arm in runs)]
    return Table(headings, rows, "Test accuracy by class", folded=len(names) > 20)


def costs(focus: Focus) -> Section | None:
    """Accuracy against size and latency, a point for each different model of the experiment."""
    results, data = focus.results, focus.data
    if data is None or len(results.arms) < 2:
        return None
    points = {"parameters": [], "milliseconds for one image": []}
    seen = set()
    for cell in results.cells:
        for arm in results.arms:
            runs = [run for run in cell.runs[arm] if run is not None]
            if not runs or runs[0].folder in seen:
                continue
            seen.add(runs[0].folder)
            name, values = ARMS[arm].title, accuracies(runs, results.shown)
            where = "" if arm == "teacher" else show_setting(cell.setting)
            latency = _cost(results, runs[0], data)["speeds"][0]["milliseconds"]
            points["parameters"].append((name, where, runs[0].metrics["parameters"], values))
            points["milliseconds for one image"].append((name, where, latency, values))
    items = [
        Picture(figures.pareto(each, name),
                f"Test accuracy against {name}: " + "; ".join(
                    f"{title} {where} {x:,.3g}, {np.mean(values):.1%}"
                    for title, where, x, values in each[:12]),
                "Along the dotted line are the models that no other beats in both.")
        for name, each in points.items()
    ]  # fmt: skip
    return Section("Accuracy against size and time", "", items)


def _network(run: Run) -> str:
    """All of a run's model but its weights, with the size of its images."""
    identity = read_json(run.folder / "settings.json")["identity"]
    named = [identity.get(name) for name in ("model", "model_code", "options", "file", "data")]
    # An ensemble has no name, but its parameters.
    return json.dumps([*named, run.metrics["parameters"]], sort_keys=True)

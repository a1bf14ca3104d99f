"""Sections about the models of one grid point: learning curves, quality, errors, costs."""

import dataclasses

import numpy as np

from distill.analysis.costs import BATCHES, Cost, cost
from distill.analysis.figures.curves import LEARNING_CURVES, learning_curve, logged
from distill.analysis.figures.matrices import confusion_matrix
from distill.analysis.figures.scatter import pareto, reliability_diagram
from distill.analysis.numbers import kilobytes, percent
from distill.analysis.page.parts import Picture, Section, Table
from distill.analysis.quality import quality, quality_rows
from distill.analysis.results import GridPoint, Results
from distill.analysis.students import recommendation, students_table
from distill.data import ImageData
from distill.evaluation import per_class_accuracy, reliability
from distill.experiments.variants import MAIN_VARIANTS, VARIANTS
from distill.runs import Run, taught_by


@dataclasses.dataclass(frozen=True)
class Focus:
    """The grid point that a report looks at closely."""

    results: Results
    point: GridPoint
    runs: dict[str, list[Run]]  # by variant; missing runs and variants without any are left out
    data: ImageData | None  # the images of the first run, or `None` if they are gone
    where: str  # the beginning of a section's text; "" if there is only one grid point


def model_sections(focus: Focus) -> list[Section | None]:
    """Makes the sections in their order; `None` where a section has nothing to show."""
    return [_learning_curves(focus), _quality(focus), _errors(focus), _costs(focus)]


def _learning_curves(focus):
    main = [variant for variant in focus.runs if variant in MAIN_VARIANTS]
    histories = focus.results.histories(main, focus.point.setting)
    if not histories:
        return None
    items = []
    for quantity in LEARNING_CURVES:
        curves = logged(histories, quantity)
        ends = "; ".join(
            f"{title} ends at {np.mean([each[-1] for each in series]):.3f}"
            for title, series in curves.items()
        )
        figure = learning_curve(curves, quantity)
        items.append(Picture(figure, f"{quantity.capitalize()} by epoch: {ends}"))
    return Section("Learning curves", f"{focus.where}{focus.results.spread.capitalize()}.", items)


def _quality(focus):
    results, runs = focus.results, focus.runs
    rows = quality_rows([_measured(focus, variant) for variant in runs])
    if focus.data is not None:
        rows += _cost_rows([cost(results, each[0], focus.data) for each in runs.values()])
    headings = ["test set", *(VARIANTS[variant].title for variant in runs)]
    notes = (
        f"{results.spread.capitalize()}. Calibrated: the logits are divided by the temperature "
        "that fits the validation data best. Latency: median of the compiled Keras model on the "
        "machine that made this page."
    )
    bins = {
        VARIANTS[variant].title: _reliability(results, each)
        for variant, each in runs.items()
        if variant in MAIN_VARIANTS
    }
    caption = (
        "Accuracy by confidence, test examples of all seeds. Above the line a model is correct "
        "more often than its confidence says. The area of a mark is its share of the examples; "
        "bins of fewer than ten examples are left out."
    )
    alt = "Accuracy by confidence; the table above holds the calibration errors."
    items = [Table(headings, rows, "", notes), Picture(reliability_diagram(bins), alt, caption)]
    text = f"{focus.where}Calibration, agreement with the teacher, size and speed."
    return Section("Quality, calibration and cost", text, items)


def _measured(focus, variant):
    """What `quality` returns for each run, compared with the run that taught it."""
    if variant == "teacher":
        return [quality(run, focus.results.checkpoint) for run in focus.runs[variant]]
    runs = focus.point.runs[variant]
    teachers = focus.point.runs.get("teacher", [None] * len(runs))
    measured = []
    for run, teacher in zip(runs, teachers, strict=True):
        if run is not None:
            measured.append(quality(run, focus.results.checkpoint, taught_by(run) or teacher))
    return measured


def _reliability(results, runs):
    logits = np.concatenate([results.logits(run) for run in runs])
    found = reliability(logits, np.concatenate([run.labels("test") for run in runs]))
    return found.confidence, found.accuracy, found.count


def _cost_rows(costs: list[Cost | None]):
    def row(name, show):
        return [name, *("–" if each is None else show(each) for each in costs)]

    rows = [
        row("multiply-adds", lambda each: "–" if each.adds is None else f"{each.adds:,}"),
        row("weights, kB", lambda each: kilobytes(each.weight_bytes)),
    ]
    for number, batch in enumerate(BATCHES):
        name = f"latency, batch {batch}, ms"
        rows.append(row(name, lambda each, at=number: f"{each.speeds[at].milliseconds:.2f}"))
    name = f"images per second, batch {BATCHES[-1]}"
    rows.append(row(name, lambda each: f"{each.speeds[-1].images_per_second:,.0f}"))
    return rows


def _errors(focus):
    results, runs, data = focus.results, focus.runs, focus.data
    variant = "distilled" if "distilled" in runs else list(runs)[-1]
    of = f"of the {VARIANTS[variant].title}"
    matrix = results.mean_confusion(variant, focus.point.setting)
    names = data.class_names if data else [str(number) for number in range(len(matrix))]
    errors = matrix - np.diag(np.diag(matrix))
    worst = np.argsort(-errors, axis=None, kind="stable")[:3]
    pairs = [divmod(int(index), len(matrix)) for index in worst if errors.flat[index]]
    counts = [f"{matrix[pair]:.1f}".removesuffix(".0") for pair in pairs]
    common = [
        f"{names[true]} as {names[predicted]} ({number})"
        for (true, predicted), number in zip(pairs, counts, strict=True)
    ]
    common = ", ".join(common) or "none"
    items = [
        Picture(
            confusion_matrix(matrix, names),
            f"Confusion matrix; most frequent errors: {common}",
            f"Test examples {of} by true and predicted class, mean over seeds.",
        ),
        Picture(
            confusion_matrix(matrix, names, errors_only=True),
            f"Confusion matrix without its diagonal; most frequent errors: {common}",
            f"Only the errors {of}, mean over seeds.",
        ),
        _per_class(results, runs, names),
    ]
    text = f"{focus.where}Most frequent errors {of}, mean over seeds: {common}."
    return Section("Which classes are confused", text, items)


def _per_class(results, runs, names):
    columns = []
    for each in runs.values():
        values = [per_class_accuracy(results.logits(run), run.labels("test")) for run in each]
        columns.append(
            ["–" if np.isnan(found).any() else percent(found) for found in np.array(values).T]
        )
    counts = np.bincount(next(iter(runs.values()))[0].labels("test"), minlength=len(names))
    counts = [f"{count:,}" for count in counts]
    headings = ["class", "test images", *(VARIANTS[variant].title for variant in runs)]
    rows = [*zip(names, counts, *columns, strict=True)]
    return Table(headings, rows, "Test accuracy by class", folded=len(names) > 20)


def _costs(focus):
    """Accuracy against size and latency, one mark for each different model."""
    results = focus.results
    if focus.data is None or len(results.variants) < 2:
        return None
    models = {}
    for point in results.points:
        for variant in results.variants:
            for run in point.present(variant)[:1]:
                where = "" if variant == "teacher" else results.name_of(point)
                values = results.accuracies(variant, point.setting)
                models.setdefault(run.folder, (run, VARIANTS[variant].title, where, values))
    costs = {"parameters": [], "milliseconds for one image": []}
    for run, title, where, values in models.values():
        if (measured := cost(results, run, focus.data)) is None:
            continue
        latency = measured.speeds[0].milliseconds
        for marks, each in zip(costs.values(), (run.metrics["parameters"], latency), strict=True):
            marks.append((title, where, each, values))
    table = students_table(results)
    items = [table] if table else []
    for name, marks in costs.items():
        first = "; ".join(
            f"{' '.join(filter(None, (title, where)))} {each:,.3g}, {np.mean(values):.1%}"
            for title, where, each, values in marks[:12]
        )
        caption = "Dotted line: models for which no other model is both cheaper and better."
        alt = f"Test accuracy against {name}: {first}"
        items.append(Picture(pareto(marks, name), alt, caption))
    text = recommendation(results) if table else ""
    return Section("Accuracy against size and latency", text, items)

"""The report page of an experiment: what is shown of its runs, and in what order."""

import re
import shlex
from pathlib import Path

import numpy as np

from distill.data import Split
from distill.errors import UserError
from distill.evaluation import confusion, multiply_adds, per_class_accuracy, reliability, speed
from distill.experiments.arms import ARMS, CONTROLS
from distill.experiments.grid import axis_name, show, show_setting
from distill.experiments.measures import measure_rows, quantities
from distill.experiments.results import Cell, Results
from distill.experiments.summary import accuracies, chosen_cell, sentences
from distill.experiments.tables import controls_table, main_table, runs_table, title
from distill.preparation import data_of
from distill.report import figures
from distill.report.numbers import percent
from distill.report.page import Code, Gallery, Page, Picture, Section, Table
from distill.run_folder import Run, read_json, write_json

_IMAGES = 12  # of a gallery
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
_BATCHES = (1, 32)


def make_page(results: Results) -> Page:
    """Makes the report of an experiment from its runs.

    Args:
        results: the experiment; runs that are missing are left out.

    Returns:
        The page.
    """
    said, cell = sentences(results), chosen_cell(results)
    cell_runs = {arm: [run for run in runs if run is not None] for arm, runs in cell.runs.items()}
    cell_runs = {arm: runs for arm, runs in cell_runs.items() if runs}
    sections = [_tables(results)]
    if results.axes:
        sections.append(_along_axes(results))
    if cell_runs:
        data = _data(cell.recipe, next(iter(cell_runs.values()))[0])
        where = f"At {show_setting(cell.setting)}. " if cell.setting else ""
        sections += [
            _learning_curves(results, cell_runs, where),
            _worth(results, cell, cell_runs, data, where),
            _errors(results, cell, cell_runs, data, where),
            *_images(results, cell, data, where),
            *_costs(results, data),
        ]
    sections += [_all_runs(results), _reproduce(results)]
    more = [*said[1:], *results.damaged]
    sections = [section for section in sections if section is not None]
    return Page(f"distill: {title(results)}", said[0], more, sections)


def _data(recipe, run):
    """The images of a run's test, or none where they cannot be had any more."""
    try:
        data = data_of(recipe.with_seed(run.seed))
    except (UserError, OSError):
        return None
    known = read_json(run.folder / "settings.json")["identity"]["data"]
    return data if data.fingerprint == known else None


def _tables(results):
    epoch = "of the last epoch" if results.shown == "last" else "of the best epoch on validation"
    text = (
        f"Everything on this page is of the models {epoch}. The test set plays no part in training "
        "or in any choice."
    )
    tables = [main_table(results), controls_table(results)]
    asked = [f"{ARMS[arm].title}: {ARMS[arm].question}" for arm in results.arms if arm in CONTROLS]
    if asked:
        text += f" Controls: {'; '.join(asked)}"
    return Section("Result", text, [table for table in tables if table])


def _along_axes(results):
    """A curve for one axis, a heat map for two, one for each further combination of three."""
    axes, arms = results.axes, results.arms
    if len(axes) == 1:
        axis, name = axes[0], axis_name(axes[0].field)
        items = [
            _axis_curve(results, f"{split} accuracy", split) for split in ("test", "validation")
        ]
        if axis.field == "omitted_classes":
            items.insert(0, _axis_curve(results, "test accuracy on the omitted classes", "omitted"))
        return Section(f"Along {name}", "", items)
    rows, columns = axes[-2:]
    items = []
    arm = "distilled" if "distilled" in arms else arms[-1]
    rest = {tuple(cell.setting[axis.field] for axis in axes[:-2]): [] for cell in results.cells}
    for cell in results.cells:
        rest[tuple(cell.setting[axis.field] for axis in axes[:-2])].append(cell)
    for fixed, cells in rest.items():
        shape = len(rows.values), len(columns.values)
        found = [accuracies(cell.runs[arm], results.shown) for cell in cells]
        means = np.array([np.mean(each) if each else np.nan for each in found]).reshape(shape)
        stds = [np.std(each, ddof=1) if len(each) > 1 else np.nan for each in found]
        figure = figures.heat_map(
            axis_name(rows.field), [*map(show, rows.values)],
            axis_name(columns.field), [*map(show, columns.values)],
            means, np.array(stds).reshape(shape), "test accuracy",
        )  # fmt: skip
        named = zip((axis.field for axis in axes[:-2]), fixed, strict=True)
        where = show_setting(dict(named))
        caption = f"{ARMS[arm].title.capitalize()}, mean ± std over seeds{where and ': '}{where}."
        alt = f"Heat map of test accuracy; the numbers are in the table above. {caption}"
        items.append(Picture(figure, alt, caption))
    return Section(f"Over {axis_name(rows.field)} and {axis_name(columns.field)}", "", items)


def _axis_curve(results, quantity, split):
    (axis,) = results.axes
    values = [value if isinstance(value, int | float) and not isinstance(value, bool)
              else show(value) for value in axis.values]  # fmt: skip
    series = {
        ARMS[arm].title: [
            _omitted_accuracies(cell, arm, results.shown) if split == "omitted"
            else accuracies(cell.runs[arm], results.shown, split)
            for cell in results.cells
        ]
        for arm in results.arms
    }  # fmt: skip
    figure = figures.axis_curve(axis_name(axis.field), values, series, quantity)
    alt = f"{quantity} along {axis_name(axis.field)}: " + "; ".join(
        f"{label} {', '.join(_mean(seeds) for seeds in each)}" for label, each in series.items()
    )
    return Picture(figure, alt, f"{quantity.capitalize()}, mean and 95 % interval over seeds.")


def _omitted_accuracies(cell, arm, shown):
    """Test accuracies on the classes that the students of a setting did not see."""
    students = [run for runs in cell.runs.values() for run in runs if run and run.role != "teacher"]
    if not students or not cell.setting["omitted_classes"]:
        return []
    identity = read_json(students[0].folder / "settings.json")["identity"]
    found = []
    for run in cell.runs[arm]:
        if run is not None:
            of_classes = per_class_accuracy(run.predictions(shown, "test"), run.labels("test"))
            found.append(float(np.mean(of_classes[identity["omitted_classes"]])))
    return found


def _mean(seeds):
    return f"{np.mean(seeds):.1%}" if seeds else "missing"


def _learning_curves(results, runs, where):
    histories = {
        ARMS[arm].title: [run.history() for run in each if run.metrics["last"]["epoch"]]
        for arm, each in runs.items()
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
    text = f"{where}Mean over seeds, band of ± one standard deviation."
    return Section("Learning curves, with and without distillation", text, items)


def _worth(results, cell, runs, data, where):
    """What the models are worth beyond accuracy; calibration."""
    teachers = cell.runs.get("teacher", [])
    columns = []
    for arm in runs:
        of_seed = zip(cell.runs[arm], teachers or [None] * len(cell.runs[arm]), strict=True)
        columns.append([quantities(run, results.shown, None if arm == "teacher" else teacher)
                        for run, teacher in of_seed if run is not None])  # fmt: skip
    rows = measure_rows(columns)
    if data is not None:
        models = [each[0].load_model(results.shown) for each in runs.values()]
        counts = [multiply_adds(model, data.image_shape) for model in models]
        rows.append(["multiply-adds", *(f"{count:,}" for count in counts)])
        times = [_speeds(results, each[0], data) for each in runs.values()]
        for number, batch in enumerate(_BATCHES):
            rows.append([f"latency, batch {batch}, ms",
                         *(f"{each[number]['milliseconds']:.2f}" for each in times)])  # fmt: skip
        rows.append(["images per second, batch 32",
                     *(f"{each[-1]['images_per_second']:,.0f}" for each in times)])  # fmt: skip
    headings = ["test set", *(ARMS[arm].title for arm in runs)]
    notes = (
        "Mean ± std of seeds. Calibrated: logits divided by the temperature that fits the "
        "validation data best. Latency: median, compiled Keras model, on the machine that made "
        "this page."
    )
    bins = {ARMS[arm].title: _mean_reliability(each, results.shown) for arm, each in runs.items()}
    alt = "Accuracy by confidence; calibration errors are in the table above."
    caption = (
        "Accuracy by confidence, test examples of all seeds; above the line a model is more often "
        "right than it is sure. The area of a mark is its share of the examples."
    )
    figure = figures.reliability_diagram(bins)
    text = f"{where}How sure each model is, how it agrees with its teacher, and what it costs."
    return Section("What the models are worth", text,
                   [Table(headings, rows, notes=notes), Picture(figure, alt, caption)])  # fmt: skip


def _mean_reliability(runs, shown):
    logits = np.concatenate([run.predictions(shown, "test") for run in runs])
    found = reliability(logits, np.concatenate([run.labels("test") for run in runs]))
    return found.confidence, found.accuracy, found.count


def _speeds(results: Results, run: Run, data) -> list[dict]:
    """The times of a run's model, kept beside the report: they are of one machine and one hour."""
    path = results.folder / "speed.json"
    known = read_json(path) if path.exists() else {}
    model_hash = run.metrics[results.shown]["model_sha256"]
    if model_hash not in known:
        model = run.load_model(results.shown)
        speeds = [speed(model, data.image_shape, batch, seconds=0.2) for batch in _BATCHES]
        known[model_hash] = [vars(each) for each in speeds]
        write_json(path, known)
    return known[model_hash]


def _errors(results, cell, runs, data, where):
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
                f"Errors only; most common: {common}", "The errors alone."),
    ]  # fmt: skip
    items.append(_per_class(results, runs, names))
    text = f"{where}Most common errors of the {ARMS[arm].title}, mean over seeds: {common}."
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


def _images(results: Results, cell: Cell, data, where):
    """What distillation put right, where it disagrees with the teacher, and dark knowledge."""
    if data is None or "teacher" not in cell.runs:
        return
    arms = [arm for arm in ("teacher", "student", "distilled") if arm in cell.runs]
    complete = cell.complete(*arms)
    if not complete:
        return
    runs = dict(zip(arms, complete[0], strict=True))
    seed = next(reversed(runs.values())).seed
    try:
        data = data_of(cell.recipe.with_seed(seed))
    except (UserError, OSError):
        return
    logits = {arm: run.predictions(results.shown, "test") for arm, run in runs.items()}
    predicted = {arm: values.argmax(axis=1) for arm, values in logits.items()}
    labels, items = data.test.labels, []
    if "distilled" in arms and "student" in arms:
        right = {arm: predicted[arm] == labels for arm in arms}
        for mask, caption in (
            (right["distilled"] & ~right["student"], "put right by distillation"),
            (~right["distilled"] & right["student"], "right from labels, wrong distilled"),
            (predicted["distilled"] != predicted["teacher"], "teacher and student disagree"),
        ):
            items.append(_gallery(data, mask, predicted, caption))
        yield Section("Images that tell", f"{where}Seed {seed}, test images, the first "
                      f"{_IMAGES} of each kind.", items)  # fmt: skip
    yield _dark_knowledge(data.test, data.class_names, logits["teacher"], predicted["teacher"])


def _gallery(data, mask, predicted, caption):
    chosen = np.flatnonzero(mask)
    names = data.class_names
    titles = {"teacher": "teacher", "student": "from labels", "distilled": "distilled"}
    images = []
    for index in chosen[:_IMAGES]:
        said = [f"{titles[arm]}: {names[classes[index]]}" for arm, classes in predicted.items()]
        text = "\n".join([f"label: {names[data.test.labels[index]]}", *said])
        images.append((data.test.images[index], text))
    return Gallery(images, f"{len(chosen)} images: {caption}.")


def _dark_knowledge(test: Split, class_names, logits, predicted):
    """Of four classes, the rightly classified image whose second class is the most probable."""
    ordered = np.sort(logits, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    right, items, used = predicted == test.labels, [], set()
    for index in np.argsort(np.where(right, margin, np.inf), kind="stable"):
        label = int(test.labels[index])
        if label in used or not right[index]:
            continue
        used.add(label)
        name, second = class_names[label], class_names[int(np.argsort(logits[index])[-2])]
        figure = figures.dark_knowledge(test.images[index], logits[index], class_names,
                                        _TEMPERATURES)  # fmt: skip
        alt = f"Image of class {name}; the teacher's next choice is {second}."
        items.append(Picture(figure, alt, f"{name}, a little like {second}."))
        if len(used) == 4:
            break
    text = (
        "The teacher's probabilities for four test images at several temperatures: the higher, the "
        "more of what it knows about the wrong classes is shown to the student."
    )
    return Section("Dark knowledge", text, items)


def _costs(results: Results, data):
    """Accuracy against size and latency, a point for each different model."""
    if data is None or len(results.arms) < 2:
        return
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
            latency = _speeds(results, _like(results, runs[0]), data)[0]["milliseconds"]
            points["parameters"].append((name, where, runs[0].metrics["parameters"], values))
            points["milliseconds for one image"].append((name, where, latency, values))
    items = [
        Picture(figures.pareto(each, name),
                f"Test accuracy against {name}: " + "; ".join(
                    f"{title} {where} {x:,.3g}, {np.mean(values):.1%}"
                    for title, where, x, values in each[:12]),
                "The dotted line joins the models than which no other costs less and is better.")
        for name, each in points.items()
    ]  # fmt: skip
    yield Section("Accuracy against size and time", "", items)


def _like(results: Results, run: Run) -> Run:
    """The first run of the same architecture: models that differ in weights alone are as fast."""
    wanted = _architecture(run)
    for cell in results.cells:
        for runs in cell.runs.values():
            for other in runs:
                if other is not None and _architecture(other) == wanted:
                    return other
    return run


def _architecture(run):
    identity = read_json(run.folder / "settings.json")["identity"]
    return identity.get("model"), identity.get("options"), identity.get("file")


def _all_runs(results):
    table = runs_table(results)
    rows = [[_rounded(cell) for cell in row] for row in table.rows]
    caption = f"{len(rows)} rows; runs.csv has them unrounded"
    return Section("All runs", "", [Table(table.headings, rows, caption=caption, folded=True)])


def _rounded(text):
    return f"{float(text):.4f}" if re.fullmatch(r"\d+\.\d{5,}(e-\d+)?", text) else text


def _reproduce(results: Results):
    run = next((run for cell in results.cells for runs in cell.runs.values() for run in runs
                if run is not None), None)  # fmt: skip
    command = shlex.join(["python", Path(results.command[0]).name, *results.command[1:]])
    items = [Code(command, "The command")]
    if run is not None:
        settings = read_json(run.folder / "settings.json")
        versions = [[name, version or "not installed"]
                    for name, version in settings["versions"].items()]  # fmt: skip
        versions.append(["commit of distill", _short_commit(settings["git_commit"])])
        first, count = results.recipe.seed, results.recipe.seeds
        versions.append(["seeds", f"{first}" if count == 1 else f"{first} to {first + count - 1}"])
        items.append(Table(["package", "version"], versions))
        values = [[name, _value(value)] for name, value in vars(results.recipe).items()]
        items.append(Table(["recipe", "value"], values, "The recipe", folded=True))
    return Section("How to reproduce this", "", items)


def _short_commit(commit):
    return "unknown" if commit is None else commit.replace(commit[:40], commit[:12])


def _value(value):
    if isinstance(value, dict):
        return " ".join(f"{name}={show(option)}" for name, option in value.items()) or "none"
    return show(value)

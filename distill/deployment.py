"""The commands `export` and `predict`: a run folder in; files, tables and predictions out."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distill.data import images_in
from distill.errors import UserError, check_number, check_whole
from distill.export import (
    FORMATS,
    Exported,
    FileCheck,
    Predictor,
    export,
    get_format,
    open_predictor,
)
from distill.recipes import Recipe
from distill.runs import open_run, read_settings
from distill.training.data import data_of

_BATCH = 32


def export_run(
    folder: Path,
    formats: Sequence[str],
    *,
    checkpoint: str = "last",
    softmax: bool = False,
    input_size: int | None = None,
    output: Path | None = None,
    threads: int = 1,
    console: Console | None = None,
) -> list[Exported]:
    """Exports the model of a run, checks each file on the run's test set, and prints a table.

    Args:
        folder: the folder of a run.
        formats: names in `distill.export.FORMATS`.
        checkpoint: the model of the `"last"` or `"best"` epoch.
        softmax: the files return probabilities.
        input_size: the files take images of this height and width. The test set is loaded in this
            size.
        output: where the folders of the formats are made; by default `export` in the run's folder.
        threads: how many threads a runtime may use while it is timed.
        console: where files and the table are printed; by default the terminal.

    Returns:
        The exported files.

    Raises:
        UserError: the folder holds no complete run, its data have changed, or `export` fails.
            Formats before the one that failed are kept.
    """
    if not formats:
        raise UserError(f"A format is missing; give --format with some of {', '.join(FORMATS)}.")
    for name in formats:
        get_format(name).require_packages()
    check_number("threads", threads, "a whole number, at least 1", least=1)
    run = _run_in(folder)
    if run is None:
        raise UserError(
            f"The folder {folder} holds no complete run; give one that `python -m distill list` "
            "shows."
        )
    if not run.has_model:
        raise UserError(
            f"The run in {folder} holds a teacher's predictions and no model; give the run of a "
            "student."
        )
    settings = run.settings()
    recipe = Recipe.from_json(json.dumps(settings["recipe"]))
    data = data_of(recipe)
    if data.fingerprint != settings["identity"]["data"]:
        raise UserError(
            f"The data set {data.name!r} has changed since the run in {folder} was trained; "
            "restore it, or train again."
        )
    if input_size is not None:
        data = data_of(recipe.with_values({"data.image_size": input_size}))
    model, console, done = run.load_model(checkpoint), console or Console(), []
    try:
        for name in dict.fromkeys(formats):
            target = (output or folder / "export") / name
            verb = "replaced" if target.exists() else "written"
            done.append(
                export(
                    model,
                    target.parent,
                    name,
                    data.class_names,
                    data.test,
                    data.train.images,
                    softmax=softmax,
                    input_size=input_size,
                    threads=threads,
                )
            )
            console.print(f"{verb}: {done[-1].path}", soft_wrap=True, highlight=False, markup=False)
    finally:
        if done:
            print_checks([each.check for each in done], console)
    return done


def print_checks(checks: Sequence[FileCheck], console: Console) -> None:
    """Prints the checks of some files as one table."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, caption_justify="left")
    headings = ("format", "size", "max diff", "agree, %", "accuracy, %", "ms", "p95", "MB")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for check in checks:
        low, high = check.accuracy_interval
        memory = check.peak_memory_bytes
        table.add_row(
            check.format,
            _bytes(check.file_bytes),
            f"{check.difference:.2g}",
            f"{check.agreement * 100:.1f}",
            f"{check.accuracy * 100:.1f} ({low * 100:.1f}–{high * 100:.1f})",
            _milliseconds(check.median_ms),
            _milliseconds(check.p95_ms),
            "?" if memory is None else f"{memory / 1e6:.0f}",
        )
    console.print(table)
    first = checks[0]
    threads = "1 thread" if first.threads == 1 else f"{first.threads} threads"
    console.print(
        f"Each file in its own runtime, on {first.examples:,} test images. max diff: largest "
        f"difference of {first.output} from the Keras model's (up to {first.largest:.3g}). agree: "
        f"same class as the Keras model, whose accuracy is {first.keras_accuracy * 100:.1f} %. "
        f"Accuracy with its 95 % interval (Wilson). ms, p95: median and 95th percentile of "
        f"{first.calls} calls with one image, {threads}. MB: peak memory of the process, with "
        "Python and the runtime.",
        highlight=False,
    )


def _milliseconds(number):
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


def _bytes(number):
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} B"


def predict(
    model: Path,
    images: Sequence[Path],
    *,
    top: int = 3,
    form: str = "table",
    checkpoint: str = "last",
) -> int:
    """Prints the most probable classes of images.

    Args:
        model: a run's folder, a `.keras` file, or what `export` has written.
        images: image files, and folders of images.
        top: how many classes are shown.
        form: `"table"`, `"json"` or `"csv"`.
        checkpoint: of a run, the model of the `"last"` or `"best"` epoch.

    Returns:
        The exit status: 1 if an image could not be read. Its name is printed as an error.

    Raises:
        UserError: the model cannot be opened, or there are no images.
    """
    check_whole("top", top, "a whole number, at least 1")
    files = [file for path in images for file in _files(path)]
    predictor = _predictor(model, checkpoint)
    if not predictor.named:
        print(
            f"note: {model} has no class names, so classes are shown as numbers; put labels.txt "
            "beside the file, one name in each line, or train the run again.",
            file=sys.stderr,
        )
    failed: list[Path] = []
    rows = list(_predictions(predictor, files, top, failed))
    _PRINTERS[form](rows)
    return 1 if failed else 0


def _files(path):
    if not path.exists():
        raise UserError(f"There is no image or folder {path}; give images, or folders of images.")
    if not path.is_dir():
        return [path]
    if not (found := images_in(path)):
        raise UserError(f"The folder {path} holds no images; give one with images.")
    return found


def _run_in(folder):
    """The complete run in a folder, or `None`; a damaged one is refused."""
    return open_run(folder) if folder.is_dir() else None


def _predictor(path, checkpoint) -> Predictor:
    if run := _run_in(path):
        return open_predictor(run.file_of(checkpoint), run.class_names() or None)
    names, settings = None, path.parent / "settings.json"
    if path.suffix == ".keras" and path.is_file() and settings.is_file():
        names = read_settings(path.parent).get("class_names") or None
    return open_predictor(path, names)


Row = tuple[Path, list[tuple[str, float]]]


def _predictions(predictor, files, top, failed) -> Iterator[Row]:
    """Yields each readable image with its most probable classes; collects the others."""
    remaining = iter(files)
    while batch := list(islice(remaining, _BATCH)):
        read = []
        for file in batch:
            try:
                read.append((file, predictor.read(file)))
            except UserError as error:
                print(f"error: {error}", file=sys.stderr)
                failed.append(file)
        if not read:
            continue
        probabilities = predictor.probabilities(np.stack([pixels for _, pixels in read]))
        for (file, _), each in zip(read, probabilities, strict=True):
            order = np.argsort(-each, kind="stable")[:top]
            yield file, [(predictor.class_names[index], float(each[index])) for index in order]


def _print_table(rows: list[Row]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("image", overflow="fold")
    for place in range(max((len(classes) for _, classes in rows), default=0)):
        table.add_column(f"{place + 1}.", overflow="fold")
    for file, classes in rows:
        shown = [Text(f"{name} {probability * 100:.1f} %") for name, probability in classes]
        table.add_row(Text(str(file)), *shown)
    if rows:
        Console(highlight=False).print(table)


def _print_json(rows: list[Row]) -> None:
    found = [
        {
            "file": str(file),
            "predictions": [
                {"class": name, "probability": probability} for name, probability in classes
            ],
        }
        for file, classes in rows
    ]
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _print_csv(rows: list[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", "rank", "class", "probability"])
    for file, classes in rows:
        for rank, (name, probability) in enumerate(classes, start=1):
            writer.writerow([file, rank, name, probability])


_PRINTERS = {"table": _print_table, "json": _print_json, "csv": _print_csv}

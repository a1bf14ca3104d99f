"""`python -m distill`: inspect, compare, report, export and use finished runs.

A command is a function and a line in `COMMANDS`. Its docstring is its help. It imports what it
needs when it runs, so that `--help` does not wait for TensorFlow.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from distill.cli.flags import RUNS, run_app
from distill.cli.terminal import guarded, start_backend
from distill.errors import UserError

_PLAIN: dict = {"negative": (), "show_default": False}
_FORMATS_HELP = (
    "one or more of saved-model, litert, litert-float16, litert-dynamic, litert-int8, onnx, "
    "keras-int8."
)
Checkpoint = Literal["last", "best"]
Runs = Annotated[Path, Parameter(help="where runs are kept")]


def list_runs(*, runs: Runs = RUNS) -> None:
    """List experiments and runs with their accuracies."""
    start_backend(say=False)
    from distill.analysis import inspect

    inspect.list_runs(runs)


def compare(first: Path, second: Path, /, *, checkpoint: Checkpoint = "last") -> None:
    """Compare the models of two runs on the same test examples (McNemar's exact test).

    Args:
        first: the folder of a run.
        second: the folder of another run.
        checkpoint: compare the models of the last epoch, or of the best validation accuracy.
    """
    start_backend(say=False)
    from distill.analysis import inspect

    inspect.compare_runs(first, second, checkpoint)


def report(folder: Path, /) -> None:
    """Write the report of an experiment or a run again.

    Args:
        folder: the folder of an experiment or a run.
    """
    start_backend(say=False)
    from distill.analysis import inspect

    inspect.rebuild_report(folder)


def results(template: Path, /, *, runs: Runs = RUNS) -> None:
    """Fill the template of a results page (docs/results/*.md.j2) from run folders.

    Args:
        template: the template, FILE.md.j2.
    """
    start_backend(say=False)
    from distill.analysis import results_page

    print(results_page.write_results_page(template, runs))


def export(
    run: Path,
    /,
    *,
    format: Annotated[
        tuple[str, ...], Parameter(help=_FORMATS_HELP, consume_multiple=True, **_PLAIN)
    ] = (),
    softmax: Annotated[bool, Parameter(**_PLAIN)] = False,
    input_size: int | None = None,
    checkpoint: Checkpoint = "last",
    threads: int = 1,
    output: Path | None = None,
) -> None:
    """Export the model of a run, and check each file on the test set in its own runtime.

    Args:
        run: the folder of a run.
        softmax: the file returns probabilities instead of logits.
        input_size: the file takes images of this height and width, and resizes them itself.
        checkpoint: the model of the last epoch, or of the best validation accuracy.
        threads: threads of the runtime while it is timed.
        output: the folder in which FORMAT/ is made, by default RUN/export.
    """
    start_backend(say=False)
    from distill.deployment import export_run

    export_run(
        run,
        format,
        checkpoint=checkpoint,
        softmax=softmax,
        input_size=input_size,
        output=output,
        threads=threads,
    )


def predict(
    model: Path,
    /,
    *images: Path,
    top: int = 3,
    json: Annotated[bool, Parameter(**_PLAIN)] = False,
    csv: Annotated[bool, Parameter(**_PLAIN)] = False,
    checkpoint: Checkpoint = "last",
) -> int:
    """Predict the classes of images with a run's model, a .keras file or an exported file.

    Args:
        model: the folder of a run, a .keras, .tflite or .onnx file, or a SavedModel folder.
        images: images, or folders of images.
        top: how many classes to show for each image.
        json: print JSON.
        csv: print CSV.
        checkpoint: of a run, the model of the last epoch, or of the best validation accuracy.
    """
    if not images:
        raise UserError("IMAGES needs a value; give images, or folders of images.")
    if json and csv:
        raise UserError("--json and --csv exclude each other; give one of them.")
    start_backend(say=False)
    from distill.deployment import predict

    form = "json" if json else "csv" if csv else "table"
    return predict(model, images, top=top, form=form, checkpoint=checkpoint)


COMMANDS: dict[str, Callable] = {
    "list": list_runs,
    "compare": compare,
    "report": report,
    "results": results,
    "export": export,
    "predict": predict,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line; by default `sys.argv`.

    Returns:
        The exit status: 0; 1 if an image cannot be read; 2 for a user's mistake, told in one
        sentence; 130 for Ctrl-C.
    """
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else [*arguments]))


def _run(arguments):
    if not arguments:
        raise UserError(f"A command is missing; use one of {', '.join(COMMANDS)}.")
    app = App(
        name="python -m distill",
        help="Inspect, compare, report, export and use finished runs.",
        help_format="plaintext",
        version_flags=(),
        suppress_keyboard_interrupt=False,
    )
    for name, command in COMMANDS.items():
        app.command(command, name=name)
    return run_app(app, arguments) or 0

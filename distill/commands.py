"""`python -m distill`: inspect, compare and report finished runs.

A command is a function and a line in `COMMANDS`. Its docstring is its help. It imports what it
needs when it runs, so that `--help` does not wait for TensorFlow.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from distill.cli.flags import RUNS, run_app
from distill.cli.terminal import guarded, start_tensorflow
from distill.errors import UserError

Runs = Annotated[Path, Parameter(help="where runs are kept")]


def list_runs(*, runs: Runs = RUNS) -> None:
    """List experiments and runs with their accuracies."""
    start_tensorflow(say=False)
    from distill.analysis import inspect

    inspect.list_runs(runs)


def compare(first: Path, second: Path, /, *, checkpoint: Literal["last", "best"] = "last") -> None:
    """Compare the models of two runs on the same test examples (McNemar's exact test).

    Args:
        first: the folder of a run.
        second: the folder of another run.
        checkpoint: compare the models of the last epoch, or of the best validation accuracy.
    """
    start_tensorflow(say=False)
    from distill.analysis import inspect

    inspect.compare_runs(first, second, checkpoint)


def report(folder: Path, /) -> None:
    """Write the report of an experiment or a run again.

    Args:
        folder: the folder of an experiment or a run.
    """
    start_tensorflow(say=False)
    from distill.analysis import inspect

    inspect.rebuild_report(folder)


def results(template: Path, /, *, runs: Runs = RUNS) -> None:
    """Fill the template of a results page (docs/results/*.md.j2) from run folders.

    Args:
        template: the template, FILE.md.j2.
    """
    start_tensorflow(say=False)
    from distill.analysis import results_page

    print(results_page.write_results_page(template, runs))


COMMANDS: dict[str, Callable] = {
    "list": list_runs,
    "compare": compare,
    "report": report,
    "results": results,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line; by default `sys.argv`.

    Returns:
        The exit status: 0; 2 for a user's mistake, told in one sentence; 130 for Ctrl-C.
    """
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else [*arguments]))


def _run(arguments):
    if not arguments:
        raise UserError(f"A command is missing; use one of {', '.join(COMMANDS)}.")
    app = App(
        name="python -m distill",
        help="Inspect, compare and report finished runs.",
        help_format="plaintext",
        version_flags=(),
        suppress_keyboard_interrupt=False,
    )
    for name, command in COMMANDS.items():
        app.command(command, name=name)
    run_app(app, arguments)
    return 0

"""`python -m distill`: list runs and experiments, compare two runs, make a report anew."""

import sys
from pathlib import Path

from distill.cli import UserErrorParser, guarded, start_tensorflow


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line; `sys.argv` by default.

    Returns:
        The exit status: 0; 2 for a mistake of the user's, told in one sentence.
    """
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments):
    options = _parser().parse_args(arguments)
    start_tensorflow(say=False)
    from distill.experiments import inspection, results_page

    if options.command == "list":
        inspection.list_runs(options.runs)
    elif options.command == "compare":
        inspection.compare_runs(options.first, options.second, options.epoch)
    elif options.command == "results":
        print(results_page.write_results_page(options.template, options.runs))
    else:
        inspection.rebuild_report(options.folder)
    return 0


def _parser():
    parser = UserErrorParser(
        prog="python -m distill",
        description="Look at what the three training scripts left.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    help = "list experiments and runs, with their accuracies"
    command = commands.add_parser("list", help=help, description=help)
    command.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="FOLDER",
        help="where runs are kept (default: runs)",
    )  # fmt: skip
    help = "compare the models of two runs on the same test examples (McNemar's test, bootstrap)"
    command = commands.add_parser("compare", help=help, description=help)
    command.add_argument("first", type=Path, metavar="RUN", help="a run's folder")
    command.add_argument("second", type=Path, metavar="RUN", help="another run's folder")
    command.add_argument(
        "--epoch", choices=("last", "best"), default="last",
        help="the models of the last epoch or of the best on validation (default: last)",
    )  # fmt: skip
    help = "make the report of an experiment or of one run anew"
    command = commands.add_parser("report", help=help, description=help)
    command.add_argument("folder", type=Path, metavar="FOLDER",
                         help="folder of an experiment or a run")  # fmt: skip
    help = "fill a result page's template (docs/results/*.md.j2) from run folders"
    command = commands.add_parser("results", help=help, description=help)
    command.add_argument("template", type=Path, metavar="FILE.md.j2", help="the template")
    command.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="FOLDER",
        help="where runs are kept (default: runs)",
    )  # fmt: skip
    return parser

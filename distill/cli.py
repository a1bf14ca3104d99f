"""The flags of the three scripts, made from the recipe's fields; no training logic."""

import argparse
import contextlib
import dataclasses
import functools
import logging
import os
import shlex
import sys
import textwrap
import typing
from pathlib import Path

from distill.errors import UserError
from distill.experiments.arms import CONTROLS, MODELS
from distill.experiments.grid import fixed, parse_axis
from distill.experiments.studies import get_study, studies_of
from distill.recipes import RECIPES, Recipe, get_recipe, parse_option, parse_value

_DOORS = {
    "teacher": "Train the recipe's teacher.",
    "student": "Train the recipe's student from labels, without a teacher.",
    "distilled": (
        "Train teacher, student from labels and distilled student, and say whether\n"
        "distillation helped: once, or over a grid of settings. What is trained already is\n"
        "used again."
    ),
}

# The field that begins a group of flags in --help, and the group's title.
_GROUPS = {
    "dataset": "data",
    "teacher": "models",
    "method": "distillation",
    "optimizer": "training",
}
_METAVARS = {"teacher": "NAME", "student": "NAME", "method": "NAME", "optimizer": "NAME"} | {
    "dataset": "NAME",
    "teacher_file": "FILE",
    "image_size": "PIXELS",
    **dict.fromkeys(("classes", "dropped_classes", "omitted_classes"), "CLASS+CLASS"),
    **dict.fromkeys(("augmentation", "teacher_augmentation"), "NAME+NAME"),
    "kept_classes": "CLASS+CLASS",
    "transfer_images": "NAME+NAME",
    "teacher_pretraining": "RECIPE",
    "assistant": "NAME",
}


def main(door: str, arguments: list[str] | None = None) -> int:
    """Runs one of the three scripts.

    Args:
        door: `"teacher"`, `"student"` or `"distilled"`.
        arguments: the command line; `sys.argv` by default.

    Returns:
        The exit status: 0; 1 where some runs of several failed; 2 for a mistake of the user's,
        told in one sentence; 130 for Ctrl-C.
    """
    return guarded(lambda: _run(door, sys.argv[1:] if arguments is None else arguments))


def _run(door, arguments):
    recipe, options = parse(door, arguments)
    axes, arms = [parse_axis(text) for text in options.grid], [door]
    if options.preview is not None:
        return _preview(door, recipe, options.preview)
    if door == "distilled":
        controls = () if options.controls is None else options.controls or CONTROLS
        arms = [*MODELS, *controls]
    start_tensorflow()
    from distill.experiments.experiment import run_experiment

    if options.study is not None:
        axes = [*options.study.axes(recipe), *axes]
    recipe, axes = fixed(recipe, axes)
    experiment = run_experiment(recipe, options.runs, axes, arms, options.fresh, command=sys.argv)
    return 1 if experiment.failures else 0


def _preview(door, recipe, path):
    start_tensorflow(say=False)
    from distill.report.preview import preview_recipe

    preview_recipe(path, recipe, door)
    print(f"Training images as augmentation changes them: {path}")
    return 0


def guarded(command: typing.Callable[[], int]) -> int:
    """Runs a command, tells mistakes of the user's in one sentence, and returns the exit status."""
    try:
        return command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # no room, no permission, a file where a folder should be
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}; see --runs.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = "complete runs are kept; the same command, without --fresh, goes on"
        print(f"stopped: {kept}.", file=sys.stderr)
        return 130


def parse(door: str, arguments: list[str]) -> tuple[Recipe, argparse.Namespace]:
    """Turns a command line into a recipe and the script's other options.

    Args:
        door: `"teacher"`, `"student"` or `"distilled"`.
        arguments: the command line.

    Returns:
        The recipe with the flags' values, and the options `runs`, `fresh` and
        `preview`, `grid` and `study`; for `"distilled"` also `controls`.

    Raises:
        UserError: an unknown flag, or a value that is not allowed.
    """
    first = _parser("", Recipe(), door, add_help=False)
    chosen = first.parse_known_args([word for word in arguments if word not in ("-h", "--help")])
    defaults = get_recipe(chosen[0].recipe)
    options = _parser(_DOORS[door], defaults, door).parse_args(arguments)
    if options.study is not None:
        options.study = get_study(options.study, defaults.name)
    values = {field.name: getattr(options, field.name) for field in _fields()}
    # Options are pairs where they are given, and the recipe's own where they are not.
    values = {name: dict(value) if isinstance(value, list) else value
              for name, value in values.items() if not isinstance(value, dict)}  # fmt: skip
    varied = options.study or any(axis.startswith("assistant=") for axis in options.grid)
    if "assistant_options" in values and values["assistant"] is None and not varied:
        raise UserError("assistant_options are given, and no assistant; name one with --assistant.")
    return defaults.with_values(values), options


def _fields():
    return [field for field in dataclasses.fields(Recipe) if field.name != "name"]


class UserErrorParser(argparse.ArgumentParser):
    """A parser whose errors are `UserError`s."""

    def error(self, message):
        raise UserError(f"{message}; see {self.prog} --help.")

    def convert_arg_line_to_args(self, line):
        return shlex.split(line, comments=True)


def _parser(description, defaults, door, add_help=True):
    parser = UserErrorParser(
        description=description,
        usage="%(prog)s [--recipe NAME] [FLAG VALUE ...] [@FILE]",
        epilog=_epilog(door, defaults.name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        fromfile_prefix_chars="@",
        allow_abbrev=False,
        add_help=add_help,
    )
    parser.add_argument(
        "--recipe",
        default="digits",
        metavar="NAME",
        help=f"one of {', '.join(RECIPES)} (default: digits)",
    )
    parser.add_argument(
        "--runs", default="runs", metavar="FOLDER", help="where runs are kept (default: runs)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="train complete runs anew, keeping the older ones"
    )
    parser.add_argument(
        "--preview",
        type=Path,
        metavar="FILE.png",
        help="train nothing: draw training images as they are and as augmentation changes them",
    )
    _add_grid_flags(parser, door)
    hints = typing.get_type_hints(Recipe, include_extras=True)
    for field in _fields():
        if field.name in _GROUPS:
            group = parser.add_argument_group(_GROUPS[field.name])
        _, help = typing.get_args(hints[field.name])
        default = getattr(defaults, field.name)
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(default, dict):
            shown = " ".join(f"{key}={value}" for key, value in default.items()) or "none"
            kind = {"nargs": "+", "type": _key_value, "metavar": "KEY=VALUE"}
        else:
            shown = "+".join(default) or "none" if isinstance(default, tuple) else default
            metavar = _METAVARS.get(field.name, "VALUE")
            kind = {"type": _value_type(field.name), "metavar": metavar}
        help = f"{help} (default: {shown})".replace("%", "%%")
        group.add_argument(flag, default=default, help=help, **kind)
    return parser


def _epilog(door, recipe):
    kept = (
        "Flags can be kept in a file, given as @commandline_args.txt. The defaults shown are\n"
        "those of the chosen recipe."
    )
    studies = {name: study.question for name, study in studies_of(recipe).items()}
    lists = [_list_of(f"studies of {recipe}:", studies)]
    if door == "distilled":
        controls = {name: control.question for name, control in CONTROLS.items()}
        lists.append(_list_of("controls:", controls))
    return "\n\n".join([*lists, kept])


def _add_grid_flags(parser, door):
    group = parser.add_argument_group("many settings")
    group.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE,VALUE",
        help="every combination of these values of fields of the recipe, e.g. temperature=1,2,4 "
        "alpha=0.1,0.5 student_options.hidden=16,32",
    )
    group.add_argument(
        "--study", metavar="NAME", help="a grid by name; those of the recipe are below"
    )
    if door == "distilled":
        group.add_argument(
            "--controls",
            nargs="*",
            choices=CONTROLS,
            metavar="NAME",
            help="train controls too, that tell where a gain comes from: these, or all",
        )


def _list_of(heading, lines):
    """One indented line for each name, as `--help` shows below its flags."""
    width = max(map(len, lines)) + 2
    fill = functools.partial(textwrap.fill, width=78, subsequent_indent=" " * (width + 2))
    return "\n".join([heading, *(fill(f"  {name:{width}}{text}") for name, text in lines.items())])


def _value_type(field):
    def parse(text):
        try:
            return parse_value(field, text)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None

    return parse


def _key_value(text):
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, parse_option(value)


def start_tensorflow(say: bool = True) -> None:
    """Imports TensorFlow and says on what it runs."""
    with _quiet_start():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if not say:
        return
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    print(f"TensorFlow {tf.__version__} on {', '.join(map(str, names)) or 'CPU'}.")


@contextlib.contextmanager
def _quiet_start():
    """Drops TensorFlow's start-up notes, unless TF_CPP_MIN_LOG_LEVEL says which are wanted.

    C++ code writes them past `sys.stderr`, hence the exchange of the file descriptor.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
    # Every model has a function of its own to trace; TensorFlow takes that for one traced often.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

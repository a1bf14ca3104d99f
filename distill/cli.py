"""The flags of the three scripts, made from the recipe's fields; no training logic."""

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import shlex
import sys
import types
import typing

from distill.errors import UserError
from distill.recipes import RECIPES, Recipe, get_recipe

_DOORS = {
    "teacher": "Train the recipe's teacher.",
    "student": "Train the recipe's student from labels, without a teacher.",
    "distilled": (
        "Train teacher, student from labels and distilled student, and say whether distillation "
        "helped. What is trained already is used again."
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
}


def main(door: str, arguments: list[str] | None = None) -> int:
    """Runs one of the three scripts.

    Args:
        door: `"teacher"`, `"student"` or `"distilled"`.
        arguments: the command line; `sys.argv` by default.

    Returns:
        The exit status: 0; 2 for a mistake of the user's, told in one sentence; 130 for Ctrl-C.
    """
    try:
        recipe, options = parse(door, sys.argv[1:] if arguments is None else arguments)
        _start_tensorflow()
        from distill.experiments.main_job import run_main_job, run_role

        if door == "distilled":
            run_main_job(recipe, options.runs, options.fresh)
        else:
            run_role(recipe, door, options.runs, options.fresh)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # no room, no permission, a file where a folder should be
        print(f"error: {error.filename or options.runs}: {error.strerror or error}; see --runs.",
              file=sys.stderr)  # fmt: skip
        return 2
    except KeyboardInterrupt:
        print("stopped: complete runs are kept; the same command goes on.", file=sys.stderr)
        return 130
    return 0


def parse(door: str, arguments: list[str]) -> tuple[Recipe, argparse.Namespace]:
    """Turns a command line into a recipe and the script's other options.

    Args:
        door: `"teacher"`, `"student"` or `"distilled"`.
        arguments: the command line.

    Returns:
        The recipe with the flags' values, and the options `runs` and `fresh`.

    Raises:
        UserError: an unknown flag, or a value that is not allowed.
    """
    first = _parser("", Recipe(), add_help=False)
    chosen = first.parse_known_args([word for word in arguments if word not in ("-h", "--help")])
    defaults = get_recipe(chosen[0].recipe)
    options = _parser(_DOORS[door], defaults).parse_args(arguments)
    values = {field.name: getattr(options, field.name) for field in _fields()}
    for role in ("teacher", "student"):
        same_model = values[role] == getattr(defaults, role)
        values[f"{role}_options"] = _merged(defaults, values, f"{role}_options", same_model)
    same_optimizer = values["optimizer"] == defaults.optimizer
    values["optimizer_options"] = _merged(defaults, values, "optimizer_options", same_optimizer)
    return Recipe(name=defaults.name, **values), options


def _fields():
    return [field for field in dataclasses.fields(Recipe) if field.name != "name"]


def _merged(defaults, values, name, same_kind):
    """The recipe's options with those given laid over; none of them for another kind of thing."""
    given = values[name]
    if isinstance(given, list):
        return {**(getattr(defaults, name) if same_kind else {}), **dict(given)}
    return given if same_kind else {}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UserError(f"{message}; see {self.prog} --help.")

    def convert_arg_line_to_args(self, line):
        return shlex.split(line, comments=True)


def _parser(description, defaults, add_help=True):
    parser = _Parser(
        description=description,
        usage="%(prog)s [--recipe NAME] [FLAG VALUE ...] [@FILE]",
        epilog="Flags can be kept in a file, given as @commandline_args.txt. The defaults shown "
        "are those of the chosen recipe.",
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
    hints = typing.get_type_hints(Recipe, include_extras=True)
    for field in _fields():
        if field.name in _GROUPS:
            group = parser.add_argument_group(_GROUPS[field.name])
        hint, help = typing.get_args(hints[field.name])
        default = getattr(defaults, field.name)
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(default, dict):
            shown = " ".join(f"{key}={value}" for key, value in default.items()) or "none"
            kind = {"nargs": "+", "type": _key_value, "metavar": "KEY=VALUE"}
        else:
            shown = default
            kind = {"type": _value_type(hint), "metavar": _METAVARS.get(field.name, "VALUE")}
        help = f"{help} (default: {shown})".replace("%", "%%")
        group.add_argument(flag, default=default, help=help, **kind)
    return parser


def _value_type(hint):
    if not isinstance(hint, types.UnionType):
        return hint
    kind = typing.get_args(hint)[0]

    def parse_optional(text):
        return None if text in ("None", "none") else kind(text)

    parse_optional.__name__ = kind.__name__  # argparse says "invalid int value"
    return parse_optional


def _key_value(text):
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    with contextlib.suppress(ValueError):
        value = json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    return key, value


def _start_tensorflow():
    """Imports TensorFlow and says on what it runs."""
    with _quiet_start():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
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

"""The flags, made from the recipe's settings, and the parser that reads them."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter
from cyclopts.exceptions import (
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)
from pydantic.fields import FieldInfo
from rich.console import Console

from distill.cli import help_page
from distill.cli.words import suggestion
from distill.errors import UserError
from distill.recipes import Recipe, flag_of
from distill.recipes.recipe import SHORT_NAMES
from distill.recipes.values import all_fields, is_options

DEFAULT_RECIPE = "digits"
RUNS = Path("runs")

_EXPERIMENT = Group("What to run:", sort_key=1)
_SECTIONS = ("data", "teacher", "student", "distillation", "training", "experiment")


OWN_FLAGS = {
    "recipe": (
        str | None,
        "NAME",
        f"published or example experiment; see --list recipes [{DEFAULT_RECIPE}]",
    ),
    "study": (str | None, "NAME", "run a grid that answers a question; see --list studies"),
    "grid": (
        list[str] | None,
        "SETTING=VALUE,VALUE ...",
        "run every combination of these values of settings",
    ),
    "ablations": (
        list[str] | None,
        "[NAME ...]",
        "also train ablations, these or all; see --list ablations",
    ),
    "runs": (str | None, "FOLDER", f"where runs are kept [{RUNS}]"),
    "retrain": (bool, "", "train finished runs again; the old ones are kept under a new name"),
    "preview": (str | None, "FILE.png", "draw augmented training images, and train nothing"),
    "config": (
        str | None,
        "FILE.yaml",
        "read settings from a YAML file, e.g. training: {epochs: 3}",
    ),
    "list": (
        str | None,
        "NAME",
        f"print {', '.join(help_page.LISTS[:-1])} or {help_page.LISTS[-1]}",
    ),
}


def make_app(script: str, recipe: Recipe) -> App:
    """Makes the parser of a script, which returns the flags that are given.

    Args:
        script: `"teacher"`, `"baseline"` or `"distilled"`.
        recipe: the chosen recipe, whose values the help shows.

    Returns:
        A Cyclopts app for `run_app`. It returns the given values as text, by the flags' names in
        `OWN_FLAGS` and by the settings' dotted names.
    """
    app = App(
        name=f"python {help_page.SCRIPTS[script]}",
        help_format="plaintext",
        help_epilogue=help_page.epilogue(recipe),
        help_formatter=help_page.HelpFormatter(help_page.opening(script)),
        version_flags=(),
        suppress_keyboard_interrupt=False,
        group_commands=Group("", show=False),
    )

    def given(**values):
        return {
            name.replace("__", "."): value
            for name, value in values.items()
            if value not in (None, False)
        }

    given.__signature__ = inspect.Signature([*_own_parameters(script), *_settings(recipe)])
    app.default(given)
    return app


def run_app(app: App, words: Sequence[str]) -> Any:
    """Runs a Cyclopts app, whose errors become `UserError`s of one sentence."""
    try:
        return app(
            words,
            console=Console(width=min(Console().width, help_page.WIDTH), highlight=False),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except UnknownOptionError as error:
        name = error.token.keyword
        known = [each for one in error.argument_collection for each in one.names]
        hint = suggestion(name, known)
        raise UserError(f"There is no flag {name}{hint or '; --help shows all flags.'}") from None
    except UnusedCliTokensError as error:
        (word, *_) = error.unused_tokens
        raise UserError(f"{word!r} belongs to no flag; --help shows all flags.") from None
    except MissingArgumentError as error:
        raise UserError(f"{error.argument.name} needs a value; see --help.") from None
    except UnknownCommandError as error:
        word, names = error.unused_tokens[0], [name for name in app if not name.startswith("-")]
        hint = suggestion(word, names) or f"; use one of {', '.join(names)}."
        raise UserError(f"There is no command {word!r}{hint}") from None
    except CycloptsError as error:
        sentence = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{sentence}; see --help.") from None


def _own_parameters(script):
    for name, (kind, metavar, help) in OWN_FLAGS.items():
        if name != "ablations" or script == "distilled":
            default = False if kind is bool else None
            yield _parameter(name, f"--{name}", kind, default, _EXPERIMENT, metavar, help)


def _settings(recipe):
    title = f"Common settings [value in the recipe {recipe.name}]:"
    for name in SHORT_NAMES.values():
        yield _setting(recipe, name, all_fields()[name], Group(title, sort_key=2))
    for section in _SECTIONS:
        group = Group(
            "More settings:" if section == "data" else section,
            sort_key=3 + _SECTIONS.index(section),
        )
        for name, field in all_fields().items():
            if name.startswith(f"{section}.") and name not in SHORT_NAMES.values():
                yield _setting(recipe, name, field, group)


def _setting(recipe: Recipe, name: str, field: FieldInfo, group: Group):
    kind = dict[str, str] | None if is_options(name) else str | None
    help = help_page.text_of(field, recipe.value(name))
    return _parameter(
        name.replace(".", "__"),
        flag_of(name),
        kind,
        None,
        group,
        help_page.metavar(flag_of(name), field),
        help,
        show=name.count(".") == 1,
    )


def _parameter(name, flag, kind, default, group, metavar, help, show=True):
    annotation = Annotated[
        kind,
        Parameter(
            name=flag,
            help=help,
            group=group,
            metavar=metavar or None,
            show=show,
            show_default=False,
            negative=(),
            allow_repeating=True,
            consume_multiple=kind == list[str] | None,
        ),
    ]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )

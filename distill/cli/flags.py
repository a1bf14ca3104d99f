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
from rich.console import Console

from distill.cli import help_page
from distill.cli.listing import LISTS
from distill.cli.words import suggestion
from distill.errors import UserError
from distill.recipes import Recipe, flag_of
from distill.recipes.recipe import SHORT_NAMES
from distill.recipes.values import SECTIONS, all_fields, is_options

DEFAULT_RECIPE = "digits"
RUNS = Path("runs")

_EXPERIMENT = Group("What to run:", sort_key=1)
*_LISTS, _LAST_LIST = LISTS

OWN_FLAGS = {  # the type of the value, what stands for it, and the help
    "recipe": (str, "NAME", "published or example experiment; see --list recipes [digits]"),
    "study": (str, "NAME", "run a grid that answers a question; see --list studies"),
    "grid": (
        tuple[str, ...],
        "SETTING=VALUE,VALUE ...",
        "run every combination of these values of settings",
    ),
    "ablations": (
        tuple[str, ...],
        "[NAME ...]",
        "also train ablations, these or all; see --list ablations",
    ),
    "runs": (Path, "FOLDER", f"where runs are kept [{RUNS}]"),
    "retrain": (bool, "", "train finished runs again; the old ones are kept under a new name"),
    "preview": (Path, "FILE.png", "draw augmented training images, and train nothing"),
    "config": (str, "FILE.yaml", "read settings from a YAML file, e.g. training: {epochs: 3}"),
    "list": (str, "NAME", f"print {', '.join(_LISTS)} or {_LAST_LIST}"),
}


def make_app(script: str, recipe: Recipe) -> App:
    """Makes the parser of a script; its help shows the recipe's values.

    `run_app` returns the given values as text, by the names in `OWN_FLAGS` and by dotted names.
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
            yield _parameter(name, f"--{name}", kind, _EXPERIMENT, metavar, help)


def _settings(recipe):
    common = Group(f"Common settings [value in the recipe {recipe.name}]:", sort_key=2)
    for name in SHORT_NAMES.values():
        yield _setting(recipe, name, common)
    for number, section in enumerate(SECTIONS, start=3):
        group = Group("More settings:" if section == "data" else section, sort_key=number)
        for name in all_fields():
            if name.startswith(f"{section}.") and name not in SHORT_NAMES.values():
                yield _setting(recipe, name, group)


def _setting(recipe: Recipe, name: str, group: Group):
    field, flag = all_fields()[name], flag_of(name)
    return _parameter(
        name.replace(".", "__"),
        flag,
        dict[str, str] if is_options(name) else str,
        group,
        help_page.metavar(flag, field),
        help_page.text_of(field, recipe.value(name)),
        show=name.count(".") == 1 and name not in help_page.RARE,
    )


def _parameter(name, flag, kind, group, metavar, help, show=True):
    annotation = Annotated[
        kind if kind is bool else kind | None,
        Parameter(
            name=flag,
            help=help,
            group=group,
            metavar=metavar or None,
            show=show,
            show_default=False,
            negative=(),
            allow_repeating=True,
            consume_multiple=kind == tuple[str, ...],
        ),
    ]
    default = False if kind is bool else None
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)

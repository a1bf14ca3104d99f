"""`parse`: a command line in, a recipe and what to do with it out."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from distill.cli.flags import DEFAULT_RECIPE, OWN_FLAGS, RUNS, make_app, run_app
from distill.cli.words import read_words
from distill.errors import UserError
from distill.recipes import Recipe, get_recipe, parse_value
from distill.recipes.own_data import OWN_DATA
from distill.recipes.values import is_options


@dataclasses.dataclass(frozen=True)
class CommandLine:
    """What a command line asks for. `ablations` are all if empty, and none if `None`."""

    recipe: Recipe
    grid: tuple[str, ...] = ()
    study: str | None = None
    ablations: tuple[str, ...] | None = None
    runs: Path = RUNS
    retrain: bool = False
    preview: Path | None = None
    list: str | None = None


def parse(script: str, arguments: Sequence[str]) -> CommandLine | None:
    """Reads the command line of a script; `None` for `--help`, which is printed here.

    Examples:
        >>> parse("distilled", ["--alpha", "0.5", "--grid", "temperature=1,2"]).grid
        ('temperature=1,2',)
    """
    words = read_words(arguments)
    recipe = get_recipe(_chosen_recipe(words))
    given = run_app(make_app(script, recipe), words)
    if given is None:
        return None
    own = {name: given.pop(name) for name in OWN_FLAGS if name in given}
    own = {name: value for name, value in own.items() if name not in ("recipe", "config")}
    values = dict(_parsed(given))
    if "training.learning_rate" in values:  # then there is nothing to choose
        values = {"experiment.learning_rates": ()} | values
    line = CommandLine(recipe.with_values(values), **own)
    if "grid" in own and not line.grid:
        raise UserError("--grid needs SETTING=VALUE,VALUE, e.g. temperature=1,2,4.")
    _check_assistant(line)
    return line


def _chosen_recipe(words):
    """The recipe's name, which is needed before the flags can be made: they show its values."""
    dataset = _value_of("--dataset", words) or get_recipe(DEFAULT_RECIPE).data.name
    is_own = dataset != get_recipe(DEFAULT_RECIPE).data.name
    return _value_of("--recipe", words) or (OWN_DATA.name if is_own else DEFAULT_RECIPE)


def _value_of(flag, words):
    """The last value of a flag, if it is given."""
    value = None
    for word, following in itertools.pairwise([*words, "--"]):
        if word == flag and not following.startswith("--"):
            value = following
        elif word.startswith(f"{flag}="):
            value = word.partition("=")[2]
    return value


def _parsed(values):
    for name, value in values.items():
        if is_options(name):
            for option, text in value.items():
                yield f"{name}.{option}", parse_value(f"{name}.{option}", text)
        else:
            yield name, parse_value(name, value)


def _check_assistant(line):
    """Options of an assistant need an assistant, which a grid or a study may name."""
    chosen = line.recipe.distillation
    if chosen.assistant_options and chosen.assistant is None and not (line.study or line.grid):
        raise UserError(
            "distillation.assistant_options are given, and no assistant; name one with "
            "--distillation.assistant."
        )

"""The words of a command line: files of flags are read, and every flag gets its one spelling."""

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from distill.errors import UserError
from distill.recipes.values import SECTIONS, all_fields, flag_of, full_name, is_options

_FLAG = re.compile(r"--[A-Za-z]")


def read_words(arguments: Sequence[str]) -> list[str]:
    """Returns a command line without files, with every flag in its one spelling.

    Flags may be written with dashes or underscores, by short or dotted name. `@FILE` stands for
    the flags in a text file, `--config FILE` for the settings in a YAML file. The last of several
    values counts, so flags that follow a file change its values.

    Examples:
        >>> read_words(["--training.batch-size", "8", "--student.options", "hidden=8", "depth=1"])
        ['--batch-size', '8', '--student.options.hidden=8', '--student.options.depth=1']
    """
    return list(_spelled(_with_files(arguments, ())))


def suggestion(name: str, names: Sequence[str]) -> str:
    """Returns `"; did you mean NAME?"` with the most similar name, or nothing.

    Examples:
        >>> suggestion("--teacher-epochs", ["--epochs", "--teacher.training.epochs"])
        '; did you mean --teacher.training.epochs?'
    """
    plain = {re.sub(r"[-_.]+", " ", each).strip(): each for each in names}
    wanted = re.sub(r"[-_.]+", " ", name).strip()
    words = set(wanted.split())
    # A longer name with all of these words comes first, such as the dotted name of a setting.
    longer = [each for each in plain if words <= set(each.split())]
    near = sorted(longer, key=len)[:1] or difflib.get_close_matches(wanted, plain, 1, 0.6)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _with_files(words, inside) -> Iterator[str]:
    """Puts the words of each file in the place of `@FILE`."""
    for word in words:
        if not word.startswith("@") or word == "@":
            yield word
            continue
        path = Path(word[1:])
        if path.resolve() in inside:
            raise UserError(f"The file of flags {path} includes itself; remove {word} from it.")
        for number, line in enumerate(_read(path).splitlines(), start=1):
            try:
                found = shlex.split(line, comments=True)
            except ValueError:
                raise UserError(
                    f"Line {number} of {path} has a quote that is not closed, or ends in a "
                    "backslash; close the quote, or write \\\\ for a backslash."
                ) from None
            yield from _with_files(found, (*inside, path.resolve()))


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; give the path of a text file.") from None
    except OSError as error:
        raise UserError(f"The file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UserError(f"The file {path} is not text in UTF-8; save it in this encoding.")
    return text


def _spelled(words) -> Iterator[str]:
    options = None  # the settings whose NAME=VALUE pairs follow
    words = iter(words)
    for word in words:
        if not _FLAG.match(word):
            yield _option(options, *word.partition("=")) if options else word
            continue
        flag, equals, value = word.partition("=")
        name, options = full_name(flag[2:]), None
        owner = next((each for each in all_fields() if name.startswith(f"{each}.")), None)
        if name == "config":
            yield from _config(Path(value if equals else next(words, "")))
        elif is_options(name):
            options = name
            yield _option(options, *(value if equals else next(words, "")).partition("="))
        elif owner and is_options(owner):
            value = value if equals else next(words, "")
            yield _option(owner, name.removeprefix(f"{owner}."), "=" if value else "", value)
        elif name in all_fields():
            yield flag_of(name) + equals + value
        else:
            yield word


def _option(options: str, name: str, equals: str, value: str) -> str:
    if not (name.isidentifier() and equals):
        raise UserError(
            f"--{options} has {name + equals + value!r}, and needs NAME=VALUE, e.g. "
            f"--{options} width=0.5."
        )
    return f"--{options}.{name}={value}"


def _config(path: Path) -> Iterator[str]:
    """Yields the settings in a YAML file as flags."""
    if path == Path():
        raise UserError("--config needs the path of a YAML file.")
    try:
        settings = yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise UserError(f"The file {path} is not valid YAML{line}; correct it.") from None
    if not isinstance(settings, dict):
        raise UserError(
            f"The file {path} holds no settings; write them as in a recipe, e.g. "
            "training: {epochs: 3}."
        )
    yield from _flags_of(settings, path)


def _flags_of(settings: dict, path: Path, prefix: str = "") -> Iterator[str]:
    for key, value in settings.items():
        name = f"{prefix}{key}"
        full = full_name(name)
        if is_options(full) and isinstance(value, dict):
            yield from (f"--{full}.{option}={_text(each)}" for option, each in value.items())
        elif full in all_fields() and full != "name" and not isinstance(value, dict):
            # Names, such as those of classes, may be a list.
            values = value if isinstance(value, list) else [value]
            yield f"{flag_of(full)}={'+'.join(map(_text, values))}"
        elif name == "recipe":
            yield f"--recipe={value}"
        elif isinstance(value, dict) and any(each.startswith(f"{name}.") for each in all_fields()):
            yield from _flags_of(value, path, f"{name}.")
        else:
            hint = suggestion(name, [*SECTIONS, *all_fields()])
            raise UserError(f"The file {path} has an unknown setting {name!r}{hint or '.'}")


def _text(value: Any) -> str:
    """The text of which a flag makes that value again."""
    if value is None:
        return "none"
    return json.dumps(value, default=str) if isinstance(value, list | dict | bool) else str(value)

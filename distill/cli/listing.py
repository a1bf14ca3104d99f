"""`--list`: names of models, methods, data sets and so on, with what each one is."""

import inspect
from collections.abc import Callable, Iterable

from rich.console import Console

from distill.cli.help_page import print_columns, text_of
from distill.cli.terminal import start_backend
from distill.errors import UserError
from distill.recipes import RECIPES, Recipe, flag_of, show_value
from distill.recipes.settings import allowed_values
from distill.recipes.values import all_fields

Rows = Iterable[tuple[str, str]]


def print_list(what: str, recipe: Recipe) -> None:
    """Prints the names of one kind, a name in `LISTS`; studies and settings of the recipe."""
    if what not in LISTS:
        raise UserError(f"--list is {what!r}, and must be one of {', '.join(LISTS)}.")
    if what not in ("recipes", "studies", "settings"):
        start_backend(say=False)
    print_columns(Console(highlight=False), LISTS[what](recipe))


def _recipes(recipe) -> Rows:
    for name, each in RECIPES.items():
        models = f"{each.teacher.model} teaches {each.student.model}"
        yield name, f"{each.data.name}: {models} ({each.distillation.method})"


def _studies(recipe) -> Rows:
    from distill.experiments.studies import studies_of

    return ((name, study.question) for name, study in studies_of(recipe.name).items())


def _settings(recipe) -> Rows:
    for name, field in all_fields().items():
        value = recipe.value(name)
        text, _, shown = text_of(field, value).partition(" [")
        if name.count(".") == 2 and value is None:
            shown = f"same as {flag_of('training.' + name.rpartition('.')[2])}]"
        if name != "name":
            yield flag_of(name), text + _accepts(field, text) + (f" [{shown}" if shown else "")


def _accepts(field, text):
    """What a setting accepts, where its help does not say it."""
    allowed = allowed_values(field).removesuffix(", or none")
    choices = allowed.removeprefix("one of ").split(", ")
    is_plain = allowed in ("text", "options") or allowed.startswith("names")
    return "" if is_plain or all(each in text for each in choices) else f"; {allowed}"


def _models(recipe) -> Rows:
    from distill.models import MODELS

    for name, model in MODELS.items():
        # The first two arguments are the shapes of the input and of the output.
        yield name, _described(model, [*inspect.signature(model).parameters.values()][2:])


def _methods(recipe) -> Rows:
    import distill.methods as methods

    for name, method in methods.METHODS.items():
        # A method that is a thin class around a function is described by the function.
        function = getattr(methods, name, None)
        described = function if inspect.isfunction(function) else method
        yield name, _described(described, inspect.signature(method).parameters.values())


def _described(thing: Callable, parameters: Iterable[inspect.Parameter]) -> str:
    """The first line of the docstring, and the options with their defaults."""
    options = [
        f"{each.name}={show_value(each.default)}"
        for each in parameters
        if each.kind is not each.VAR_KEYWORD and each.name != "name"
    ]
    text = (inspect.getdoc(thing) or "").partition("\n")[0]
    return "\n".join(filter(None, [text, " ".join(options)]))


def _datasets(recipe) -> Rows:
    from distill.data import DATASETS

    for name, load in DATASETS.items():
        yield name, (inspect.getdoc(load) or "").partition("\n")[0]
    yield "NAME", "any image classification data set of TensorFlow Datasets, e.g. mnist"
    yield "FOLDER", "a folder with one folder of images for each class"


def _augmentations(recipe) -> Rows:
    from distill.data import AUGMENTATIONS

    return ((name, "") for name in AUGMENTATIONS)


def _formats(recipe) -> Rows:
    from distill.export import FORMATS

    return ((name, each.text) for name, each in FORMATS.items())


def _ablations(recipe) -> Rows:
    from distill.experiments.variants import ABLATIONS

    return ((name, each.question) for name, each in ABLATIONS.items())


LISTS: dict[str, Callable[[Recipe], Rows]] = {
    "models": _models,
    "methods": _methods,
    "datasets": _datasets,
    "recipes": _recipes,
    "studies": _studies,
    "augmentations": _augmentations,
    "ablations": _ablations,
    "formats": _formats,
    "settings": _settings,
}

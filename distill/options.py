"""What a user gives by name: functions of a registry or of a module, and their options."""

import contextlib
import importlib
import inspect
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping

from distill.errors import UserError

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    types.NoneType: "none",
}
_SEVERAL = {int: "whole numbers", float: "numbers", str: "names"}
_NUMBERS = {int: numbers.Integral, float: numbers.Real}


def look_up(registry: Mapping[str, Callable], name: str) -> Callable | None:
    """Returns what a name stands for in a registry, or what `module:function` names; or `None`.

    The module is imported as `python -m` would: from the working folder or the installed packages.

    Raises:
        UserError: the module cannot be imported, or has nothing of that name.

    Examples:
        >>> look_up({}, "math:sqrt")(4.0), look_up({}, "unknown")
        (2.0, None)
    """
    if name in registry or ":" not in name:
        return registry.get(name)
    module_name, _, attribute = name.partition(":")
    with _working_folder_first():
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # whatever the user's module does
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(
                f"The module of {name!r} cannot be imported from {os.getcwd()} ({reason}); give "
                "module:function, for a module in this folder or an installed one."
            ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        raise UserError(
            f"The module {module_name} has no function {attribute!r}; give module:function with "
            "the name of a function in it."
        )
    return found


@contextlib.contextmanager
def _working_folder_first():
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path.remove(os.getcwd())


def bind_options(what: str, function: Callable, options: Mapping, given: tuple[str, ...] = ()):
    """Checks options by name, presence and type before a function is called with them.

    Types come from the function's annotations. An `int` is a valid `float`; a `bool` is neither.
    Annotations other than numbers, `bool`, `str`, `None`, tuples, lists and unions of these are
    not checked.

    Args:
        what: what the function or class makes, for the message, such as `"model 'mlp'"`.
        function: a function or a class.
        options: values by name.
        given: parameters that the caller fills in; the user cannot set them.

    Examples:
        >>> def mlp(classes: int, hidden: int = 800): ...
        >>> bind_options("model 'm'", mlp, {"hidden": "x"}, given=("classes",))
        Traceback (most recent call last):
        distill.errors.UserError: The option hidden of the model 'm' is 'x', and must be a whole \
number.
    """
    signature = inspect.signature(function)
    known = {
        name: parameter
        for name, parameter in signature.parameters.items()
        if parameter.kind not in _VARIADIC and name not in given
    }
    listed = f"it has {', '.join(known)}" if known else "it has none"
    for name in options:
        if name not in known:
            raise UserError(f"The {what} has no option {name!r}; {listed}.")
    try:
        signature.bind(**dict.fromkeys(given), **options)
    except TypeError as error:
        raise UserError(f"The {what} cannot be made: {error}; {listed}.") from error
    annotations = _annotations(function)
    for name, value in options.items():
        if name in annotations and not _fits(value, annotations[name]):
            wanted = _shown(annotations[name])
            raise UserError(f"The option {name} of the {what} is {value!r}, and must be {wanted}.")


def _annotations(function):
    try:
        return typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (AttributeError, NameError, TypeError):  # a callable object, or a name that is not there
        return {}


def _fits(value, annotation):
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin in (tuple, list):
        # JSON and the command line have lists only.
        if not isinstance(value, (tuple, list)):
            return False
        if origin is tuple and Ellipsis not in arguments:
            return len(value) == len(arguments) and all(map(_fits, value, arguments))
        return all(_fits(each, arguments[0]) for each in value)
    if annotation in _NUMBERS:
        return isinstance(value, _NUMBERS[annotation]) and not isinstance(value, bool)
    if annotation in (bool, str, types.NoneType):
        return isinstance(value, annotation)
    return True


def _shown(annotation):
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " or ".join(map(_shown, typing.get_args(annotation)))
    if typing.get_origin(annotation) in (tuple, list):
        kind, *others = typing.get_args(annotation)
        if kind in _SEVERAL and {*others} <= {kind, Ellipsis}:
            count = f"{1 + len(others)} " if kind in others else ""
            return f"a list of {count}{_SEVERAL[kind]}"
    if typing.get_origin(annotation) is not None:
        return str(annotation)
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))

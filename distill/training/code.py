"""A fingerprint of a model's function or of a method that is not this package's.

Runs are found again by what they were trained with. Of this package's own models and methods their
names say that; what a user registers under a name may be changed and registered again.
"""

import hashlib
import inspect
import re
import types
from collections.abc import Callable, Iterator

_PACKAGE = __name__.partition(".")[0]


def code_fingerprint(thing: Callable | None) -> str | None:
    """Returns a hash of what a function or the functions of a class do; `None` for this package's.

    It is of their compiled code: where they stand and how they are laid out does not matter, the
    version of Python does. Functions that they call are not part of it.
    """
    if thing is None or _is_known(thing):
        return None
    return hashlib.sha256("\n".join(_parts(thing)).encode()).hexdigest()[:16]


def _is_known(thing):
    module = getattr(thing, "__module__", None) or ""
    return module.partition(".")[0] in (_PACKAGE, "keras", "builtins")


def _parts(thing) -> Iterator[str]:
    if isinstance(thing, types.FunctionType):
        defaults = repr((thing.__defaults__, thing.__kwdefaults__))
        yield re.sub(r" at 0x[0-9a-f]+", "", defaults)  # addresses are others in each process
        yield from _of_code(thing.__code__)
    elif isinstance(thing, type):
        for base in thing.__mro__:
            if _is_known(base):
                continue
            for name, value in sorted(vars(base).items()):
                value = inspect.unwrap(getattr(value, "fget", None) or value)
                value = getattr(value, "__func__", value)
                if isinstance(value, types.FunctionType):
                    yield name
                    yield from _parts(value)
    else:
        yield repr(type(thing))


def _of_code(code):
    yield code.co_code.hex()
    yield repr(code.co_names)
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _of_code(value)
        elif isinstance(value, frozenset):  # its order is another in each process
            yield repr(sorted(map(repr, value)))
        else:
            yield repr(value)

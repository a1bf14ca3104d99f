"""`distill`: train a small Keras model to imitate a large one, and find out how much that helped.

The names below are imported when they are first used, so that `--help` does not wait for
TensorFlow.
"""

import importlib

from distill.version import VERSION as __version__

_HOMES = {
    "Distiller": "distill.distiller",
    "Method": "distill.methods",
    "Recipe": "distill.recipes",
    "UserError": "distill.errors",
    "build_model": "distill.models",
    "check": "distill.checks",
    "load_data": "distill.data",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'distill' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return __all__

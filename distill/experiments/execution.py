"""Where runs execute: one after another in this process. A failed run does not end the others."""

import dataclasses
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping

import tensorflow as tf

from distill.errors import UserError
from distill.runs import Run
from distill.training.spec import RunSpec

Train = Callable[[RunSpec, Mapping[str, Run]], Run]


class StopExperiment(UserError):
    """One run showed that all others are pointless."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that failed, and why, in one sentence."""

    spec: RunSpec
    reason: str


def execute(specs: Iterable[RunSpec], train: Train) -> Iterator[Run | Failure]:
    """Runs specs one after another in this process.

    Another place to run them is another function with these arguments and results.
    `distill.training.train.train` can be pickled, and so can specs and runs.

    Each spec stands after those that it needs; `train` gets their runs by key. A user's mistake and
    an error of Keras or its backend end one run only; a full disk and Ctrl-C end all.
    """
    done: dict[str, Run] = {}
    names: dict[str, str] = {}
    for spec in specs:
        names[spec.key] = spec.folder.name
        missing = [key for key in spec.inputs if key not in done]
        if missing:
            yield Failure(spec, f"it needs {names.get(missing[0], missing[0])}, which failed.")
            continue
        try:
            done[spec.key] = train(spec, {key: done[key] for key in spec.inputs})
        except (StopExperiment, OSError):
            raise
        except UserError as error:
            yield Failure(spec, str(error))
        except Exception as error:
            yield Failure(spec, _out_of_memory(error) or _unforeseen(spec, error))
        else:
            yield done[spec.key]


def _out_of_memory(error):
    """A sentence, if the error is one of those that TensorFlow, JAX and PyTorch raise for it."""
    of_tensorflow = isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError))
    of_jax, of_torch = (
        "RESOURCE_EXHAUSTED" in str(error),
        type(error).__name__ == "OutOfMemoryError",
    )
    if of_tensorflow or of_jax or of_torch:
        return "memory ran out; make the batch or the model smaller."
    return None


def _unforeseen(spec, error):
    spec.folder.mkdir(parents=True, exist_ok=True)
    path = spec.folder / "failure.txt"
    path.write_text("".join(traceback.format_exception(error)), "utf-8")
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
    # TensorFlow begins with where it happened, and says what at the end.
    first = lines[-1] if "Graph execution error" in lines[0] else lines[0]
    return f"{type(error).__name__}: {first}; the whole error is in {path}."

"""Where runs execute: one after another in this process. One failed run does not end the rest."""

import dataclasses
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import keras
import tensorflow as tf

from distill.errors import UserError
from distill.experiments.plan import Task
from distill.run_folder import Run, completed
from distill.training import train_distilled, train_student, train_teacher


class StopExperiment(UserError):
    """What one run showed makes all others pointless."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that is not there, and why, in one sentence."""

    task: Task
    reason: str


def run_task(task: Task, done: dict[Path, Run], runs: Path, fresh: bool, callbacks=()) -> Run:
    """Trains one task's model, or finds its run complete.

    Args:
        task: the task.
        done: the runs of the tasks that it needs, by folder.
        runs: folder under which run folders lie.
        fresh: train even if the run is complete.
        callbacks: further Keras callbacks.

    Returns:
        The run.
    """
    keras.backend.clear_session()  # a night of runs must not fill the memory with graphs
    if task.role == "teacher":
        parts = [done[folder] for folder in task.parts]
        return train_teacher(task.recipe, runs, fresh, callbacks, parts)
    if task.role == "distilled":
        return train_distilled(task.recipe, done[task.teacher], runs, fresh, callbacks)
    as_long_as = task.as_long_as and tuple(done[folder] for folder in task.as_long_as)
    return train_student(task.recipe, runs, fresh, callbacks, as_long_as)


def run_here(
    tasks: Iterable[Task], run_one: Callable[[Task, dict[Path, Run]], Run]
) -> Iterator[Run | Failure]:
    """Runs tasks one after another in this process.

    Another place to run them is another function of these arguments and results.

    Args:
        tasks: in an order in which each stands after those that it needs.
        run_one: trains one, given the runs so far by folder.

    Yields:
        For each task its run, or why there is none. Mistakes in what the user gave and errors of
        TensorFlow's or Keras' end that run only; a full disk and Ctrl-C end all.
    """
    done: dict[Path, Run] = {}
    for task in tasks:
        missing = [folder for folder in task.needs if folder not in done]
        if missing:
            yield Failure(task, f"it needs {missing[0].name}, which failed.")
            continue
        try:
            done[task.folder] = run_one(task, done)
        except StopExperiment:
            raise
        except UserError as error:
            yield Failure(task, str(error))
        except OSError:
            raise
        except (MemoryError, tf.errors.ResourceExhaustedError):
            yield Failure(task, "memory ran out; make the batch or the model smaller.")
        except Exception as error:
            yield Failure(task, _unforeseen(task, error))
        else:
            yield done[task.folder]


def find_complete(task: Task) -> Run | None:
    """Returns the task's run, if it is complete."""
    return completed(task.folder, task.role, task.recipe.seed, task.identity)


def _unforeseen(task, error):
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / "failure.txt"
    path.write_text("".join(traceback.format_exception(error)), "utf-8")
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
    # TensorFlow begins with where it happened, and says what at the end.
    first = lines[-1] if "Graph execution error" in lines[0] else lines[0]
    return f"{type(error).__name__}: {first}; all of it is in {path}."

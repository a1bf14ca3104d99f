"""How long runs will take: by what like runs took, else by a few steps of each kind."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from distill.errors import UserError
from distill.experiments.plan import Task
from distill.run_folder import read_history, read_json
from distill.training import trial

# What does not change the time of an epoch.
_NO_MATTER = (
    "epochs", "learning_rate", "schedule", "schedule_epochs", "floor", "warmup_epochs",
    "label_smoothing",
)  # fmt: skip


def estimate(tasks: Iterable[Task], by_trial: bool) -> list[float]:
    """Estimates the time of each run.

    Args:
        tasks: runs to be trained.
        by_trial: time a few steps where no like run is there; else such a run counts as 1 s, to
            weigh all alike.

    Returns:
        Seconds, one for each task.
    """
    tasks = list(tasks)
    known = _known_times({task.folder.parent for task in tasks})
    seconds = []
    for task in tasks:
        kind = _kind(task.identity)
        if kind not in known and by_trial and "budget" in task.identity:
            known[kind] = _by_trial(task)
        if kind not in known:
            seconds.append(1.0)
            continue
        start, epoch = known[kind]
        seconds.append(start + epoch * task.identity.get("budget", {}).get("epochs", 0))
    return seconds


def _by_trial(task):
    try:
        return trial(task.role, task.recipe)
    except Exception:  # its own run will fail too, and tell why
        return 1.0, 0.0


def _known_times(folders: set[Path]):
    """Seconds before the first epoch and of an epoch, for each kind of run that is complete."""
    known = {}
    for metrics in (path for folder in folders for path in sorted(folder.glob("*/metrics.json"))):
        run = metrics.parent
        try:
            identity = read_json(run / "settings.json")["identity"]
            epochs = read_history(run / "history.csv")["seconds"]
            whole = read_json(metrics)["seconds"]
        except (UserError, KeyError, TypeError):
            continue  # a teacher from a file, or a damaged run: no time to learn from
        epoch = median(epochs[1:] or epochs)
        known[_kind(identity)] = (max(0.0, whole - epoch * len(epochs)), epoch)
    return known


def _kind(identity):
    budget = {name: value for name, value in identity.get("budget", {}).items()
              if name not in _NO_MATTER}  # fmt: skip
    kind = {name: identity.get(name) for name in ("role", "data", "model", "options")}
    return json.dumps([kind, budget], sort_keys=True)

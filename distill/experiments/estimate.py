"""How long runs will take, from similar runs that are finished or from a few steps of each kind."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from distill.errors import UserError
from distill.files import read_history, read_json
from distill.runs import read_settings
from distill.training.spec import RunSpec
from distill.training.train import trial

# These settings do not change the time of an epoch.
_IRRELEVANT = (
    "training.epochs",
    "training.learning_rate",
    "training.schedule",
    "training.schedule_epochs",
    "training.schedule_floor",
    "training.warmup_epochs",
    "student.label_smoothing",
    "distillation.alpha",
    "distillation.temperature",
    "distillation.soft_targets",
    "data.label_fraction",
)


def estimate(specs: Iterable[RunSpec], by_trial: bool) -> list[float]:
    """Estimates the seconds of each run.

    If no run of a kind is finished, a few steps are timed (`by_trial`), or it counts as 1 s.
    """
    specs = list(specs)
    known = _known_times({spec.folder.parent for spec in specs})
    seconds = []
    for spec in specs:
        kind = _kind(spec.identity)
        if kind not in known and by_trial and "settings" in spec.identity:
            try:
                known[kind] = trial(spec)
            except Exception:  # its own run will fail too, and say why
                known[kind] = 1.0, 0.0
        start, epoch = known.get(kind, (1.0, 0.0))
        seconds.append(start + epoch * spec.training.epochs)
    return seconds


def _known_times(folders: set[Path]):
    """Seconds before the first epoch and of an epoch, for each kind of finished run."""
    known = {}
    for metrics in (path for folder in folders for path in sorted(folder.glob("*/metrics.json"))):
        run = metrics.parent
        try:
            identity = read_settings(run)["identity"]
            epochs = read_history(run / "history.csv")["seconds"]
            whole = read_json(metrics)["seconds"]
        except (UserError, KeyError, TypeError):
            continue  # a teacher from a file, or a damaged run
        epoch = median(epochs[1:] or epochs)
        known[_kind(identity)] = (max(0.0, whole - epoch * len(epochs)), epoch)
    return known


def _kind(identity):
    settings = identity.get("settings", {})
    relevant = {name: value for name, value in settings.items() if name not in _IRRELEVANT}
    return json.dumps([identity.get("role"), identity.get("data"), relevant], sort_keys=True)

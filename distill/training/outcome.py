"""What a run keeps of a model: its last and its best epoch, their predictions and metrics."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from distill.data import ImageData
from distill.evaluation import measure, predict_logits
from distill.files import file_hash, replacing, write_arrays
from distill.models import copy_of, without_quantisation
from distill.runs import SPLITS
from distill.training.checkpoints import BestEpoch


def keep(
    model: keras.Model, best: BestEpoch, epochs: int, name: str, data: ImageData, folder: Path
) -> dict:
    """Saves the models of the last and the best epoch and their predictions; returns metrics.

    The model has the weights of the last epoch, number `epochs`. If that is the best epoch too, its
    model is saved once. The saved models are plain, also after quantisation-aware training.
    """
    metrics: dict[str, dict] = {}
    predictions: dict[str, np.ndarray] = {}
    checkpoints = [("last", epochs, model.get_weights(), name)]
    if best.epoch != epochs:
        checkpoints.append(("best", best.epoch, best.weights, f"{name}-best"))
    for checkpoint, epoch, weights, file in checkpoints:
        path = folder / f"{file}.keras"
        clone = without_quantisation(copy_of(model, weights))
        with replacing(path) as temporary:
            clone.save(temporary)
        logits = _logits(clone, data)
        metrics[checkpoint] = _metrics(logits, path, path.name, data, epoch)
        predictions |= {f"{checkpoint}_{split}": values for split, values in logits.items()}
    _write_predictions(folder, predictions, data)
    return {
        "parameters": clone.count_params(),
        "last": metrics["last"],
        "best": metrics.get("best", metrics["last"]),
    }


def measure_only(model: keras.Model, path: Path, data: ImageData, folder: Path) -> dict:
    """Measures a model that is not trained in this run; it is saved to `path` if no file is there.

    The metrics of the last and the best epoch are the same.
    """
    if not path.exists():
        with replacing(path) as temporary:
            model.save(temporary)
    found = measure_logits(_logits(model, data), path, data, folder)
    return {"parameters": model.count_params(), **found}


def measure_logits(
    logits: Mapping[str, np.ndarray], path: Path, data: ImageData, folder: Path
) -> dict:
    """Measures logits on `"validation"` and `"test"`, keeps them, and returns the metrics.

    `path` is the file that they come from.
    """
    name = path.name if path.parent == folder else str(path.resolve())
    metrics = _metrics(logits, path, name, data)
    _write_predictions(folder, {f"last_{split}": logits[split] for split in SPLITS}, data)
    return {"seconds": 0.0, "last": metrics, "best": metrics}


def _logits(model, data):
    return {split: predict_logits(model, getattr(data, split)) for split in SPLITS}


def _metrics(logits, path, name, data, epoch=None):
    return {
        "epoch": epoch,
        "model_file": name,
        "model_sha256": file_hash(path),
        **{split: measure(logits[split], getattr(data, split).labels) for split in SPLITS},
    }


def _write_predictions(folder, predictions, data):
    labels = {"validation_labels": data.validation.labels, "test_labels": data.test.labels}
    predictions = {name: logits.astype("float32") for name, logits in predictions.items()}
    write_arrays(folder / "predictions.npz", **predictions, **labels)

"""What a run keeps of a model: its last and its best epoch, their predictions and metrics."""

from pathlib import Path

import keras
import numpy as np

from distill.data import ImageData
from distill.evaluation import measure, predict_logits
from distill.files import file_hash, replacing, write_arrays
from distill.models import copy_of
from distill.training.checkpoints import BestEpoch


def keep(
    model: keras.Model, best: BestEpoch, epochs: int, name: str, data: ImageData, folder: Path
) -> dict:
    """Saves the models of the last and the best epoch, and their predictions.

    If both are the same epoch, its model is saved once.

    Args:
        model: the trained model, with the weights of the last epoch.
        best: the callback that holds the weights of the best epoch.
        epochs: number of the last epoch.
        name: name of the model files, `"teacher"` or `"student"`.
        data: the data on which the models are measured.
        folder: the run's folder.

    Returns:
        Under `"last"` and `"best"`, what `Run.metrics` holds of them.
    """
    metrics: dict[str, dict] = {}
    predictions: dict[str, np.ndarray] = {}
    checkpoints = [("last", epochs, model.get_weights(), name)]
    if best.epoch != epochs:
        checkpoints.append(("best", best.epoch, best.weights, f"{name}-best"))
    for checkpoint, epoch, weights, file in checkpoints:
        path = folder / f"{file}.keras"
        clone = copy_of(model, weights)
        with replacing(path) as temporary:
            clone.save(temporary)
        measured, logits = _measure(clone, data)
        metrics[checkpoint] = {"epoch": epoch, **_file_facts(path, path.name), **measured}
        predictions |= {f"{checkpoint}_{split}": values for split, values in logits.items()}
    write_arrays(folder / "predictions.npz", **predictions, **_labels(data))
    return {"last": metrics["last"], "best": metrics.get("best", metrics["last"])}


def measure_only(model: keras.Model, path: Path, data: ImageData, folder: Path) -> dict:
    """Measures a model that is not trained in this run, and saves its predictions.

    Args:
        model: the model.
        path: its file. It is saved there if there is no file.
        data: the data on which it is measured.
        folder: the run's folder.

    Returns:
        The run's metrics, the same for the last and the best epoch.
    """
    if not path.exists():
        with replacing(path) as temporary:
            model.save(temporary)
    measured, logits = _measure(model, data)
    name = path.name if path.parent == folder else path.resolve()
    epoch = {"epoch": None, **_file_facts(path, name), **measured}
    arrays = {f"last_{split}": values for split, values in logits.items()}
    write_arrays(folder / "predictions.npz", **arrays, **_labels(data))
    return {"parameters": model.count_params(), "seconds": 0.0, "last": epoch, "best": epoch}


def _measure(model, data):
    splits = {"validation": data.validation, "test": data.test}
    logits = {name: predict_logits(model, split) for name, split in splits.items()}
    measured = {name: measure(logits[name], splits[name].labels) for name in splits}
    return measured, {name: values.astype("float32") for name, values in logits.items()}


def _labels(data):
    return {"validation_labels": data.validation.labels, "test_labels": data.test.labels}


def _file_facts(path, name):
    return {
        "model_file": str(name),
        "model_bytes": path.stat().st_size,
        "model_sha256": file_hash(path),
    }

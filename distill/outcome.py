"""What is kept of a trained model: its last and its best epoch, and what they predict."""

from pathlib import Path

import keras

from distill.callbacks import BestEpoch
from distill.data import ImageData
from distill.evaluation import measure, predict_logits
from distill.models import copy_of
from distill.run_folder import file_hash, load_model, replacing, write_arrays


def keep(
    model: keras.Model, best: BestEpoch, epochs: int, name: str, data: ImageData, folder: Path
) -> dict:
    """Writes down the models of the last and the best epoch, and what they predict.

    Where the two are the same epoch, it is kept once.

    Args:
        model: the trained model, with the weights of the last epoch.
        best: the callback that holds those of the best.
        epochs: number of the last epoch.
        name: what the model files are called, `"teacher"` or `"student"`.
        data: the data, for what the models are worth.
        folder: the run's folder.

    Returns:
        Under `"last"` and `"best"`, what `Run.metrics` holds of them.
    """
    metrics, predictions = {}, {}
    last = model.get_weights()
    for epoch, number, weights in (("last", epochs, last), ("best", best.epoch, best.weights)):
        if epoch == "best" and number == epochs:
            metrics["best"] = metrics["last"]
            break
        path = folder / f"{name}{'-best' if epoch == 'best' else ''}.keras"
        clone = copy_of(model, weights)
        with replacing(path) as temporary:
            clone.save(temporary)
        measured, logits = _measure(clone, data)
        metrics[epoch] = {"epoch": number, **_file_facts(path, path.name), **measured}
        predictions |= {f"{epoch}_{split}": values for split, values in logits.items()}
    write_arrays(folder / "predictions.npz", **predictions, **_labels(data))
    return metrics


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


def keep_predictions(path: Path, data: ImageData, folder: Path) -> dict:
    """Writes down what a model predicts that was not trained in this run.

    Args:
        path: its file, which stays where it is; one in the run's folder is named by its name.
        data: the data.
        folder: the run's folder.

    Returns:
        The run's metrics, the same for the last and the best epoch.
    """
    model = load_model(path)
    measured, logits = _measure(model, data)
    name = path.name if path.parent == folder else path.resolve()
    epoch = {"epoch": None, **_file_facts(path, name), **measured}
    arrays = {f"last_{split}": values for split, values in logits.items()}
    write_arrays(folder / "predictions.npz", **arrays, **_labels(data))
    return {"parameters": model.count_params(), "seconds": 0.0, "last": epoch, "best": epoch}

"""What a model is worth: its accuracy and likelihood on a split, its size."""

import keras
import numpy as np
from scipy.special import log_softmax

from distill.data import Split, evaluation_pipeline
from distill.models.logits import check_logits, logits_model


def predict_logits(model: keras.Model, split: Split, batch_size: int = 512) -> np.ndarray:
    """Returns the model's logits on every image of a split, in order.

    Args:
        model: Keras classifier; one that ends in softmax is cut before it.
        split: images, values 0 to 255.
        batch_size: images in a step; it changes nothing but the memory used.

    Returns:
        float64 array `(examples, classes)`.
    """
    run = logits_model(model)
    batches = [
        np.asarray(check_logits(run(images, training=False), model, "model"), dtype="float64")
        for images, _ in evaluation_pipeline(split, batch_size)
    ]
    return np.concatenate(batches)


def evaluate(model: keras.Model, split: Split) -> dict[str, float]:
    """Measures a model on the labelled examples of a split.

    Args:
        model: Keras classifier.
        split: images and labels, every example labelled.

    Returns:
        `examples`; `errors`, the number of examples classified wrongly; `accuracy`, from 0 to 1;
        and `nll`, the mean negative log-likelihood of the labels in nats.
    """
    logits = predict_logits(model, split)
    right = np.argmax(logits, axis=-1) == split.labels
    log_likelihood = log_softmax(logits, axis=-1)[np.arange(len(split)), split.labels]
    return {
        "examples": len(split),
        "errors": int(np.sum(~right)),
        "accuracy": float(np.mean(right)),
        "nll": float(-np.mean(log_likelihood)),
    }

"""Small networks and distillers, and what their losses must be, in float64."""

import keras
import numpy as np
from keras import layers
from scipy.special import log_softmax, softmax

from distill.distiller import Distiller

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = RNG.integers(0, 4, 96)


def network(hidden=8, classes=4, dropout=0.0, **dense):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(hidden, activation="relu", **dense),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(classes, name="logits"),
        ]
    )


def distiller(
    alpha=0.3, temperature=4.0, optimizer="adam", method="kd", compiled=False, jit=False, **networks
):
    """A compiled step takes a second to trace, so steps are compiled only where it matters."""
    networks = {"teacher": network(16, dropout=0.5), "student": network(), **networks}
    model = Distiller(**networks, alpha=alpha, temperature=temperature, method=method)
    eagerly = not (compiled or jit)
    model.compile(optimizer, weighted_metrics=["accuracy"], jit_compile=jit, run_eagerly=eagerly)
    return model


def kl(teacher, student, temperature):
    p, q = softmax(teacher / temperature, -1), softmax(student / temperature, -1)
    return temperature**2 * np.sum(p * (np.log(p) - np.log(q)), -1)


def in_float64(model, x=X):
    return np.asarray(model(x, training=False), "float64")


def cross_entropy(logits, labels=Y):
    return -log_softmax(logits, -1)[np.arange(len(labels)), labels]

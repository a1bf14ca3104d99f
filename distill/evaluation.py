"""What a model is worth: accuracy, likelihood, calibration, agreement, size and speed.

Most functions take logits, float `(examples, classes)`, and labels, int `(examples,)`, so that a
model has to be run once only: `predict_logits`.
"""

import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import confusion_matrix

from distill.data import Split, evaluation_pipeline
from distill.errors import UserError
from distill.models.logits import check_logits, logits_model

BINS = 15
_TEMPERATURES = (0.05, 20.0)


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
    """Measures a model on a split, every example labelled; see `measure`."""
    return measure(predict_logits(model, split), split.labels)


def measure(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Measures predictions.

    Args:
        logits: float array `(examples, classes)`.
        labels: int array `(examples,)`.

    Returns:
        `examples`; `errors`, the number of examples classified wrongly; `accuracy`, from 0 to 1;
        `nll`, the mean negative log-likelihood of the labels in nats; `ece`, see
        `calibration_error`; and with more than 5 classes `top5`, the share of examples whose label
        is among the 5 largest logits, any of equals. All are plain numbers.

    Raises:
        UserError: an example has no label.

    Example:

    >>> measured = measure(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([0, 1]))
    >>> measured["accuracy"], round(measured["nll"], 4)
    (0.5, 0.41)
    """
    if np.min(labels) < 0:
        raise UserError(
            f"{np.sum(labels < 0)} of {len(labels)} examples have no label: measure a model on "
            "labelled ones only, as distill.data.labelled gives them."
        )
    right = np.argmax(logits, axis=-1) == labels
    measured = {
        "examples": len(labels),
        "errors": int(np.sum(~right)),
        "accuracy": float(np.mean(right)),
        "nll": _nll(logits, labels),
        "ece": calibration_error(logits, labels),
    }
    if logits.shape[-1] > 5:
        # scikit-learn prefers the last of equal logits and argmax the first: a prediction could be
        # right and not among the 5. NaN is among the 5 of nothing.
        above = ~(logits <= logits[np.arange(len(labels)), labels, None])
        measured["top5"] = float(np.mean(above.sum(axis=-1) < 5))
    return measured


def _nll(logits, labels):
    log_likelihood = log_softmax(np.asarray(logits, "float64"), axis=-1)
    return float(-np.mean(log_likelihood[np.arange(len(labels)), labels]))


@dataclasses.dataclass(frozen=True, eq=False)
class Reliability:
    """How often a model is right when it is so sure, in bins of its largest probability.

    Attributes:
        confidence: `(bins,)`, the mean largest probability in each bin; NaN in an empty one.
        accuracy: `(bins,)`, the share of right examples; NaN in an empty bin.
        count: `(bins,)`, the number of examples.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability(logits: np.ndarray, labels: np.ndarray, bins: int = BINS) -> Reliability:
    """Sorts examples into bins of equal width by their largest probability.

    Args:
        logits: float array `(examples, classes)`.
        labels: int array `(examples,)`.
        bins: number of bins between 0 and 1; bin `m` holds `((m − 1)/bins, m/bins]`.

    Returns:
        Mean confidence, accuracy and number of examples of each bin.

    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, section 2,
    arXiv:1706.04599.
    """
    probabilities = softmax(np.asarray(logits, "float64"), axis=-1)
    confidence = probabilities.max(axis=-1)
    right = np.argmax(logits, axis=-1) == labels
    inner_edges = np.arange(1, bins) / bins
    number = np.digitize(confidence, inner_edges, right=True)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(number, confidence, bins) / count,
            np.bincount(number, right, bins) / count,
            count,
        )


def calibration_error(logits: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Computes the expected calibration error: `Σ count/examples · |accuracy − confidence|`.

    Args:
        logits: float array `(examples, classes)`.
        labels: int array `(examples,)`.
        bins: see `reliability`.

    Returns:
        From 0, perfectly calibrated, to 1.

    Source: as `reliability`.
    """
    found = reliability(logits, labels, bins)
    filled = found.count > 0
    gaps = np.abs(found.accuracy - found.confidence)[filled]
    return float(np.sum(found.count[filled] * gaps) / len(labels))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Finds the temperature that calibrates a model: the `T` with the least NLL of `logits / T`.

    It is to be fitted on validation data. Dividing logits by it changes no prediction.

    Args:
        logits: float array `(examples, classes)`, of validation examples.
        labels: int array `(examples,)`.

    Returns:
        `T`, from 0.05 to 20; above 1 for a model that is too sure of itself. 0.05 for one that is
        always right, which no temperature is too low for.

    Source: Guo et al. (2017), section 4.2, arXiv:1706.04599.
    """
    logits = np.asarray(logits, "float64")

    def nll(log_t):
        return _nll(logits / math.exp(log_t), labels)

    lowest, highest = map(math.log, _TEMPERATURES)
    found = minimize_scalar(nll, bounds=(lowest, highest), method="bounded")
    # The search stops short of its bounds, and anywhere on a plateau where the NLL is 0.
    return _TEMPERATURES[0] if nll(lowest) <= found.fun else math.exp(found.x)


def confusion(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts examples by true class (rows) and predicted class (columns)."""
    classes = np.arange(logits.shape[-1])
    return confusion_matrix(labels, np.argmax(logits, axis=-1), labels=classes)


def per_class_accuracy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the share of right examples of each class, `(classes,)`; NaN where there are none."""
    counts = confusion(logits, labels)
    with np.errstate(invalid="ignore"):
        return np.diag(counts) / counts.sum(axis=1)


def agreement(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Returns the share of examples for which both predict the same class."""
    return float(np.mean(np.argmax(teacher_logits, -1) == np.argmax(student_logits, -1)))


def kl_to_teacher(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Computes the mean of `KL(teacher ‖ student)` at temperature 1, in nats.

    Args:
        teacher_logits: float array `(examples, classes)`.
        student_logits: float array `(examples, classes)`.

    Returns:
        0 where both give the same probabilities, else more.
    """
    log_p = log_softmax(np.asarray(teacher_logits, "float64"), axis=-1)
    log_q = log_softmax(np.asarray(student_logits, "float64"), axis=-1)
    mean = np.mean(np.sum(np.exp(log_p) * (log_p - log_q), axis=-1))
    return float(np.maximum(mean, 0.0))  # rounding may go below 0; `max` would hide NaN


def multiply_adds(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> int:
    """Counts the multiply-adds of one forward pass of one image.

    Counted are matrix products, those of attention too, and convolutions; biases, activations,
    normalisation and pooling are not, nor is what runs in loops (the steps of recurrent layers
    after the first) and branches.

    Args:
        model: Keras classifier.
        input_shape: `(height, width, channels)`; `None` for what the model was built with.

    Returns:
        The number of multiplications, each with its addition.

    Raises:
        UserError: a product has a size that is known only when the model runs.

    Example:

    >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...                           keras.layers.Dense(10)])
    >>> multiply_adds(model)
    640
    """
    input_shape = input_shape or model.input_shape[1:]
    run = tf.function(lambda images: model(images, training=False), autograph=False)
    graph = run.get_concrete_function(tf.TensorSpec((1, *input_shape), tf.float32)).graph
    return _graph_multiply_adds(graph)


def _graph_multiply_adds(graph):
    return sum(_operation_multiply_adds(operation) for operation in graph.get_operations())


def _operation_multiply_adds(operation):
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        # Keras compiles a convolution of groups as a function of its own.
        called = operation.graph._get_function(operation.get_attr("f").name)
        return _graph_multiply_adds(called.graph)
    if operation.type in ("Conv2D", "Conv3D", "DepthwiseConv2dNative"):
        filters = _shape(operation.inputs[1])
        # Filters are (…, inputs per group, outputs); depthwise ones (…, channels, multiplier).
        each = filters[:-2] if operation.type == "DepthwiseConv2dNative" else filters[:-1]
        return math.prod(_shape(operation.outputs[0])) * math.prod(each)
    if operation.type in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
        # A transposed convolution: each input goes into every place of the filter.
        _, filters, images = operation.inputs
        return math.prod(_shape(images)) * math.prod(_shape(filters)[:-1])
    if operation.type in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        name = "transpose_a" if operation.type == "MatMul" else "adj_x"
        axis = -2 if operation.get_attr(name) else -1
        return math.prod(_shape(operation.outputs[0])) * _shape(operation.inputs[0])[axis]
    if operation.type == "Einsum":
        return _einsum_multiply_adds(operation)
    return 0


def _shape(tensor):
    if not tensor.shape.is_fully_defined():
        raise UserError(
            f"The multiply-adds cannot be counted: {tensor.name!r}, of shape {tensor.shape}, has "
            "its size only when the model runs; give an input_shape without None."
        )
    return tensor.shape.as_list()


def _einsum_multiply_adds(operation):
    """The product of the sizes of all indices: `ab,bc->ac` multiplies and adds `a·b·c` times."""
    sizes = {}
    indices = operation.get_attr("equation").decode().split("->")[0].split(",")
    for names, tensor in zip(indices, operation.inputs, strict=True):
        shape = _shape(tensor)
        before, dots, after = names.partition("...")
        hidden = len(shape) - len(before) - len(after) if dots else 0
        names = [*before, *(f"...{place}" for place in range(hidden, 0, -1)), *after]
        sizes |= {name: max(size, sizes.get(name, 1)) for name, size in
                  zip(names, shape, strict=True)}  # fmt: skip
    return math.prod(sizes.values())


@dataclasses.dataclass(frozen=True)
class Speed:
    """How long a model takes on this machine.

    Attributes:
        batch_size: images in a call.
        milliseconds: median time of a call.
        low: lower quartile.
        high: upper quartile.
        images_per_second: batch size by median time.
    """

    batch_size: int
    milliseconds: float
    low: float
    high: float
    images_per_second: float


def speed(
    model: keras.Model, image_shape: tuple[int, ...], batch_size: int, seconds: float = 0.5
) -> Speed:
    """Times the compiled inference of a model.

    Args:
        model: Keras classifier.
        image_shape: `(height, width, channels)`.
        batch_size: images in a call.
        seconds: for about how long; at least 10 calls are timed.

    Returns:
        Median and quartiles of the time of a call, until its result is there.
    """
    run = tf.function(lambda images: model(images, training=False), autograph=False)
    images = np.random.default_rng(0).integers(0, 256, (batch_size, *image_shape))
    images = tf.constant(images, tf.float32)
    for _ in range(3):
        run(images).numpy()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        began = time.perf_counter()
        run(images).numpy()
        times.append(time.perf_counter() - began)
    low, median, high = np.percentile(times, (25, 50, 75)).tolist()
    return Speed(batch_size, median * 1e3, low * 1e3, high * 1e3, batch_size / median)

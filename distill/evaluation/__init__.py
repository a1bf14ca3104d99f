"""Metrics of one model: accuracy, likelihood, calibration, agreement with a teacher, cost.

Most functions take logits, float `(examples, classes)`, and labels, int `(examples,)`. Call
`predict_logits` once and pass its result to all of them.
"""

from distill.evaluation.calibration import (
    Reliability,
    calibration_error,
    fit_temperature,
    reliability,
)
from distill.evaluation.class_bias import add_class_bias, best_class_bias, with_class_bias
from distill.evaluation.class_order import other_class_order
from distill.evaluation.cost import Speed, multiply_adds, speed
from distill.evaluation.dark_knowledge import between, most_alike, most_ambiguous, resemblance
from distill.evaluation.metrics import (
    agreement,
    confusion,
    evaluate,
    kl_to_teacher,
    logits_on_batches,
    looks_like_probabilities,
    mean_average_precision,
    measure,
    per_class_accuracy,
    predict_logits,
)

__all__ = [
    "Reliability",
    "Speed",
    "add_class_bias",
    "agreement",
    "best_class_bias",
    "between",
    "calibration_error",
    "confusion",
    "evaluate",
    "fit_temperature",
    "kl_to_teacher",
    "logits_on_batches",
    "looks_like_probabilities",
    "mean_average_precision",
    "measure",
    "most_alike",
    "most_ambiguous",
    "multiply_adds",
    "other_class_order",
    "per_class_accuracy",
    "predict_logits",
    "reliability",
    "resemblance",
    "speed",
    "with_class_bias",
]

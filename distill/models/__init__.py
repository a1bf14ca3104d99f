"""Teachers and students by name; each ends in logits and rescales its pixels itself."""

import inspect

import keras

from distill.errors import UserError
from distill.models.application import keras_application
from distill.models.cnn import cnn, flower_cnn
from distill.models.composed import (
    copy_of,
    mean_of_logits,
    require_classifier,
    require_inputs,
    with_input_shape,
    with_new_classifier,
)
from distill.models.logits import ends_in_softmax, logits_model
from distill.models.mlp import linear_student, linear_teacher, mlp
from distill.models.mobilenet import mobilenet_v2, overlapping_mobilenet_v2
from distill.models.own import adapted, model_from_file
from distill.models.quantised import quantisation_aware, without_quantisation
from distill.models.resized import with_resizing
from distill.models.resnet import (
    resnet8x4,
    resnet20,
    resnet32x4,
    resnet56,
    resnet110,
    wrn_16_2,
    wrn_40_2,
)
from distill.models.separable import separable_cnn
from distill.options import bind_options, look_up

MODELS = {
    "mlp": mlp,
    "linear_teacher": linear_teacher,
    "linear_student": linear_student,
    "cnn": cnn,
    "flower_cnn": flower_cnn,
    "separable_cnn": separable_cnn,
    "mobilenet_v2": mobilenet_v2,
    "overlapping_mobilenet_v2": overlapping_mobilenet_v2,
    "keras_application": keras_application,
    "resnet8x4": resnet8x4,
    "resnet20": resnet20,
    "resnet32x4": resnet32x4,
    "resnet56": resnet56,
    "resnet110": resnet110,
    "wrn_16_2": wrn_16_2,
    "wrn_40_2": wrn_40_2,
}


def build_model(name: str, input_shape: tuple[int, ...], classes: int, **options) -> keras.Model:
    """Builds a model with fresh weights, whose last layer is named `logits`.

    Args:
        name: a name in `MODELS`, or `module:function`.
        input_shape: `(height, width, channels)` of images with values 0 to 255.
        classes: number of logits.
        **options: what else the function of that name takes, e.g. `hidden=800` for `"mlp"`.

    Raises:
        UserError: an unknown name or option, or a value that the model cannot have.

    Examples:
        >>> build_model("mlp", (28, 28, 1), 10, hidden=800).count_params()
        1276810
    """
    builder = look_up(MODELS, name)
    if builder is None:
        raise UserError(
            f"Unknown model {name!r}; use one of {', '.join(MODELS)}, or module:function for a "
            "function (input_shape, classes) of your own."
        )
    given = tuple(inspect.signature(builder).parameters)[:2]
    bind_options(f"model {name!r}", builder, options, given)
    try:
        model = builder(tuple(input_shape), classes, **options)
        is_ours = builder.__module__.partition(".")[0] == "distill"
        return model if is_ours else adapted(model, f"model {name!r}", input_shape, classes)
    except UserError:
        raise
    except Exception as error:  # TensorFlow's own, where a size does not fit into memory
        values = ", ".join(f"{key}={value!r}" for key, value in options.items())
        reason = str(error).splitlines()[0]
        raise UserError(f"The model {name!r} cannot be built with {values}: {reason}") from error


__all__ = [
    "MODELS",
    "adapted",
    "build_model",
    "copy_of",
    "ends_in_softmax",
    "logits_model",
    "mean_of_logits",
    "model_from_file",
    "quantisation_aware",
    "require_classifier",
    "require_inputs",
    "with_input_shape",
    "with_new_classifier",
    "with_resizing",
    "without_quantisation",
]

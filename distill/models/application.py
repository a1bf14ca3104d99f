"""The image classifiers of keras.applications, by name, with ImageNet weights if wanted."""

import contextlib
import inspect
import os
import socket
import warnings

import keras
from keras import layers, ops

from distill.errors import UserError

APPLICATIONS = {
    name: function
    for name, function in sorted(vars(keras.applications).items())
    if inspect.isfunction(function)
}
PATIENCE = 30  # seconds without a byte before a download fails; Keras waits forever

# How the pixels of each family were scaled when its published weights were trained; the others
# scale pixels themselves.
_CAFFE = ("resnet", "vgg16", "vgg19")
_TORCH = ("densenet",)
_PLUS_MINUS_ONE = (
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "nasnet",
    "resnet_v2",
    "xception",
)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, red to blue
_CAFFE_MEAN = (123.68, 116.779, 103.939)


def keras_application(
    input_shape: tuple[int, ...],
    classes: int,
    architecture: str = "MobileNetV3Small",
    weights: str | None = None,
    freeze: bool = False,
    dropout: float = 0.2,
) -> keras.Model:
    """Builds a network of keras.applications with a new classifier, ending in logits.

    Pixels are scaled inside the model as its published weights need them.

    Args:
        input_shape: `(height, width, channels)`, values 0 to 255; 3 channels, or 1, which is
            repeated three times. Most networks take 32 pixels or more, some 75.
        classes: number of logits.
        architecture: a name in `APPLICATIONS`, such as `"ResNet50"`.
        weights: `None` for fresh weights; `"imagenet"`, downloaded on first use; or the path of a
            file with the weights of this network, without a classifier or with one.
        freeze: train the classifier only. The features are then those of `weights`.
        dropout: dropout rate before the logits, 0 to 1.

    Raises:
        UserError: an unknown name, an image size that the network cannot take, or weights that can
            be neither found nor downloaded.

    Source: https://keras.io/api/applications names the paper of each network.
    """
    if architecture not in APPLICATIONS:
        raise UserError(
            f"architecture is {architecture!r}, and must be one of {', '.join(APPLICATIONS)}."
        )
    function = APPLICATIONS[architecture]
    inputs = keras.Input(input_shape, name="image")
    x = _scaled(three_channels(inputs), function.__module__.rpartition(".")[2])
    backbone = load_backbone(function, x, weights, architecture)
    for layer in backbone.layers if freeze else ():
        layer.trainable = False
    x = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name=architecture.lower())


def _scaled(x, family):
    """Scales pixels like the `preprocess_input` of a family."""
    if family in _PLUS_MINUS_ONE:
        return layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    if family in _TORCH:
        scale = [1 / (255 * each) for each in _STD]
        offset = [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)]
        return layers.Rescaling(scale, offset, name="rescale")(x)
    if family in _CAFFE:
        centred = layers.Rescaling(1.0, [-each for each in _CAFFE_MEAN], name="rescale")(x)
        return ops.flip(centred, axis=-1)  # blue to red
    return x


def three_channels(x: keras.KerasTensor) -> keras.KerasTensor:
    """Repeats the channel of grey images three times, as ImageNet weights need it."""
    channels = x.shape[-1]
    if channels not in (1, 3):
        raise UserError(
            f"The ImageNet weights are for images of 1 or 3 channels, not {channels}: set weights "
            "to none."
        )
    return layers.Concatenate(name="gray_to_rgb")([x, x, x]) if channels == 1 else x


def load_backbone(function, x: keras.KerasTensor, weights: str | None, what: str, **options):
    """Builds a network of keras.applications on `x` without its classifier.

    Args:
        function: one of `APPLICATIONS`.
        x: scaled images.
        weights: as in `keras_application`.
        what: the network in words, for messages.
        **options: other arguments of the function.
    """
    if weights == "imagenet":
        advice = (
            "set weights to none, or run this once on a machine with a network and copy its "
            "folder ~/.keras/models"
        )
    elif weights is not None and not os.path.isfile(str(weights)):
        raise UserError(
            f"There is no file of weights {weights!r}: give the path of one, 'imagenet' or none."
        )
    else:
        advice = f"give a file of the weights of a {what}, or none"
    if "include_preprocessing" in inspect.signature(function).parameters:
        options["include_preprocessing"] = True
    try:
        with _impatient(), warnings.catch_warnings():
            # As documented, other sizes get the weights for 224 pixels. For a file of another
            # network, every layer would warn before the error.
            known = "`input_shape` is undefined|This model usually|Skipping nested container"
            warnings.filterwarnings("ignore", known)
            return function(
                input_shape=x.shape[1:],
                input_tensor=x,
                include_top=False,
                weights=weights,
                **options,
            )
    except Exception as error:  # Keras, h5py and the network raise many kinds of error.
        reason = " ".join(str(error).split())
        reason = f"{reason[:120]}…" if len(reason) > 120 else reason
        if weights is None:
            raise UserError(
                f"{what} cannot be built ({reason}); choose a larger image size."
            ) from error
        raise UserError(
            f"The weights {weights!r} cannot be loaded ({type(error).__name__}: {reason}): "
            f"{advice}."
        ) from error


@contextlib.contextmanager
def _impatient():
    """Lets a download fail if the network does not answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

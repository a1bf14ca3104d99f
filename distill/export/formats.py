"""`FORMATS`: the formats by name. An exporter is a file of this folder and a line here."""

from distill.errors import UserError
from distill.export.format import Format
from distill.export.keras_int8 import KERAS_INT8
from distill.export.litert import LITERT, LITERT_DYNAMIC, LITERT_FLOAT16, LITERT_INT8
from distill.export.onnx import ONNX
from distill.export.saved_model import SAVED_MODEL

FORMATS: dict[str, Format] = {
    "saved-model": SAVED_MODEL,
    "litert": LITERT,
    "litert-float16": LITERT_FLOAT16,
    "litert-dynamic": LITERT_DYNAMIC,
    "litert-int8": LITERT_INT8,
    "onnx": ONNX,
    "keras-int8": KERAS_INT8,
}


def get_format(name: str) -> Format:
    """Returns the format of that name.

    Raises:
        UserError: there is none.

    Examples:
        >>> get_format("onnx").file
        'model.onnx'
        >>> get_format("caffe")
        Traceback (most recent call last):
        distill.errors.UserError: Unknown format 'caffe'; use one of saved-model, litert, \
litert-float16, litert-dynamic, litert-int8, onnx, keras-int8.
    """
    if name not in FORMATS:
        raise UserError(f"Unknown format {name!r}; use one of {', '.join(FORMATS)}.")
    return FORMATS[name]

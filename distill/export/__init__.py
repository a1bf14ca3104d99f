"""What leaves: a trained model as a file that needs neither `distill` nor its data.

`export` writes a file in one of `FORMATS` and checks it on a test set, in its own runtime and in a
process of its own. `open_predictor` uses such a file, or a `.keras` file.
"""

from distill.export.checking import FileCheck, check_file, require_close
from distill.export.deployable import deployable
from distill.export.exporting import Exported, export
from distill.export.format import Bounds, Format
from distill.export.formats import FORMATS, get_format
from distill.export.predictor import Predictor, open_predictor

__all__ = [
    "FORMATS",
    "Bounds",
    "Exported",
    "FileCheck",
    "Format",
    "Predictor",
    "check_file",
    "deployable",
    "export",
    "get_format",
    "open_predictor",
    "require_close",
]

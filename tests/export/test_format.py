"""What all formats share: silence, missing packages, sentences about what a converter refuses."""

import os
import warnings

import pytest

from distill.errors import UserError
from distill.export.format import quiet, require_modules, unsupported


def test_quiet_drops_what_is_printed_by_c_code_and_restores_it(capfd):
    with quiet():
        os.write(1, b"dropped")
        os.write(2, b"dropped")
        warnings.warn("dropped", stacklevel=1)
    os.write(1, b"kept")
    assert capfd.readouterr() == ("kept", "")
    with pytest.raises(ValueError, match="told"), quiet():
        raise ValueError("told")
    os.write(2, b"kept")
    assert capfd.readouterr() == ("", "kept")


def test_missing_packages_are_named():
    require_modules("It", ["json"])
    with pytest.raises(
        UserError, match="It needs packages that are missing; run pip install nowhere"
    ):
        require_modules("It", ["json", "nowhere"])


def test_what_a_converter_refuses():
    error = unsupported("onnx", ["Svd", "Betainc", "Svd"], ValueError())
    assert "'onnx' does not support the operation Betainc, Svd;" in str(error)
    assert "(first line)" in str(unsupported("onnx", [], ValueError("first line.\nsecond")))
    assert "(ValueError)" in str(unsupported("onnx", [], ValueError()))

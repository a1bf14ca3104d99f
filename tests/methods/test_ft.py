"""Factor transfer: its two losses, and which network each of them teaches."""

import numpy as np
import pytest
from keras import ops
from method_tools import convolved, losses, outputs

from distill.distiller.backend import value_and_gradients
from distill.errors import UserError
from distill.methods import FT, Batch

TEACHER, STUDENT = outputs((4, 4, 6)), outputs((8, 8, 3), seed=1)


def run(network, x):
    """Convolutions, batch normalisation in inference mode and leaky ReLU, in float64."""
    for convolution, *_ in zip(*[iter(network)] * 3, strict=True):
        kernel, bias = convolution.get_weights()
        y = (convolved(x, kernel) + bias) / np.sqrt(1.001)
        x = np.where(y > 0, y, 0.1 * y)
    return x


def test_equals_float64_formula():
    method = FT("a", "a", weight=10.0, rate=0.4)
    got = losses(method, TEACHER, STUDENT)
    t = TEACHER.features[0].astype("float64")
    s = STUDENT.features[0].astype("float64").reshape(4, 4, 2, 4, 2, 3).mean((2, 4))
    factor = run(method.paraphrasers[0], t)
    assert factor.shape[-1] == 2  # 0.4 of 6
    again = run(method.returns[0], factor)
    rows = [x.reshape(4, -1) for x in (factor, run(method.translators[0], s))]
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows]
    wanted = 10 * np.mean(np.abs(units[0] - units[1]), axis=1)
    np.testing.assert_allclose(got["factor"], wanted, rtol=1e-4)
    wanted = np.mean((t - again) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(got["reconstruction"], wanted, rtol=1e-4)


def test_what_each_loss_teaches():
    method = FT("a", "a")
    method(TEACHER, STUDENT)

    def taught(part, networks):
        def loss():
            return ops.mean(method(TEACHER, STUDENT, Batch(training=True))[part]), ()

        kernels = [layer.kernel for layer in networks[0] if hasattr(layer, "kernel")]
        _, gradients = value_and_gradients(loss, kernels)
        return [each is not None and bool(ops.any(each != 0)) for each in gradients]

    assert taught("factor", method.translators) == [True] * 3
    assert taught("factor", method.paraphrasers) == [False] * 3
    assert taught("reconstruction", method.paraphrasers) == [True] * 3
    assert taught("reconstruction", method.translators) == [False] * 3


def test_a_wrong_rate():
    with pytest.raises(UserError, match=r"rate is 1\.5, and must be above 0 and up to 1"):
        FT(rate=1.5)

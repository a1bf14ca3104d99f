"""Stored targets: probabilities become logits, batches are taken apart."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from distill.distiller.targets import Targets, logits_of_probabilities, targets_of, unpack
from distill.errors import UserError


def test_logits_of_probabilities_against_numpy():
    logits = np.random.default_rng(0).normal(scale=5, size=(16, 6))
    got = logits_of_probabilities(softmax(logits, -1).astype("float32"))
    np.testing.assert_allclose(got, log_softmax(logits, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_probability_of_zero(dtype):
    got = np.asarray(logits_of_probabilities(np.array([[1.0, 0.0]], dtype)))
    np.testing.assert_allclose(got, [[0.0, np.log(np.finfo("float32").tiny)]], rtol=1e-6)


def test_batches():
    x, y, weights = np.ones(3), np.zeros(3), np.full(3, 2.0)
    assert unpack(x)[1] == Targets()
    assert unpack((x, y))[1].labels is y
    assert unpack((x, {"index": y}, weights))[1:] == (Targets(index=y), weights)
    assert targets_of({"labels": y}).stored_logits() is None
    assert targets_of({"teacher_logits": y}).stored_logits() is y


def test_an_empty_dictionary():
    with pytest.raises(UserError, match="a dictionary with nothing; it may have 'labels'"):
        targets_of({})

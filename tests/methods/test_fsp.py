"""Flow of solution procedure against NumPy in float64."""

import numpy as np
import pytest
from method_tools import losses, outputs

from distill.errors import UserError
from distill.methods import FSP


def flows(features):
    """The flow between two layers; the first map is averaged to the size of the second."""
    (first, second), found = [each.astype("float64") for each in features], []
    small = first.reshape(4, 4, 2, 4, 2, -1).mean((2, 4))
    for f, s in zip(small, second, strict=True):
        found.append(sum(np.outer(f[h, w], s[h, w]) for h in range(4) for w in range(4)) / 16)
    return np.array(found)


def test_equals_float64_formula():
    teacher, student = (outputs((8, 8, 3), (4, 4, 5), seed=seed) for seed in (0, 1))
    wanted = np.mean((flows(teacher.features) - flows(student.features)) ** 2, axis=(1, 2))
    got = losses(FSP(("a", "b"), ("a", "b"), weight=10.0), teacher, student)
    np.testing.assert_allclose(got["fsp"], 10 * wanted, rtol=1e-4)
    assert not np.any(losses(FSP(("a", "b"), ("a", "b")), teacher, teacher)["fsp"])


def test_three_layers_have_two_flows():
    names = ("a", "b", "c")
    teacher, student = (outputs((4, 4, 3), (4, 4, 5), (4, 4, 2), seed=seed) for seed in (0, 1))
    whole = losses(FSP(names, names), teacher, student)["fsp"]
    parts = []
    for start in (0, 1):
        pair = [
            each._replace(features=each.features[start : start + 2]) for each in (teacher, student)
        ]
        parts.append(losses(FSP(names[:2], names[:2]), *pair)["fsp"])
    np.testing.assert_allclose(whole, sum(parts), rtol=1e-5)


@pytest.mark.parametrize("shapes", [((4, 4, 3),), ((4, 4, 3), (4, 4, 6))])
def test_what_does_not_fit(shapes):
    names = ("a", "b")[: len(shapes)]
    teacher, student = outputs((4, 4, 3), (4, 4, 5)), outputs(*shapes)
    teacher = teacher._replace(features=teacher.features[: len(shapes)])
    with pytest.raises(
        UserError, match="needs two layers or more with the same numbers of channels"
    ):
        FSP(names, names)(teacher, student)

"""Numbers within limits: what is accepted, and what is refused in one sentence."""

import numpy as np
import pytest

from distill.errors import UserError, check_number


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), np.array(0.5), np.int64(1)])
def test_numbers_of_python_and_numpy(value):
    assert check_number("x", value, "from 0 to 1", least=0, most=1) == float(value)


@pytest.mark.parametrize(
    "value", [-0.1, 1.1, np.nan, np.inf, True, "1", None, np.array([0.5]), [0.5], 1j]
)
def test_anything_else_is_refused(value):
    with pytest.raises(UserError, match=r"^x is .*, and must be from 0 to 1\.$"):
        check_number("x", value, "from 0 to 1", least=0, most=1)


def test_a_limit_that_does_not_count():
    with pytest.raises(UserError, match="T is 0, and must be above 0"):
        check_number("T", 0, "above 0", above=0)


def test_a_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)

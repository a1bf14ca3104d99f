"""Steps on JAX: what a failed step and an evaluation leave, and the state's own variables."""

import keras
import numpy as np
import pytest
from small_distillers import X, Y, distiller

from distill.errors import UserError

if keras.backend.backend() != "jax":
    pytest.skip("to run on JAX; see CONTRIBUTING.md", allow_module_level=True)


@pytest.mark.parametrize("call", ["fit", "evaluate"])
def test_weights_survive_a_step_that_fails(call):
    model = distiller(compiled=True)
    before = model.get_weights()
    with pytest.raises(UserError, match="The labels are a dictionary with 'wrong'"):
        getattr(model, call)(X, {"wrong": Y}, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.fit(X, Y, verbose=0)


def test_guards_are_part_of_the_state_and_of_nothing_else():
    model = distiller()
    rows = {guard.variables[0].path for guard in model.guards.values()}
    assert rows <= {each.path for each in model.metrics_variables}
    assert not rows & {each.path for each in model.variables}
    model.fit(X, Y, batch_size=32, verbose=0)
    seen = np.asarray(model.guards[True].variables[0])
    assert seen[1].max() == len(X)

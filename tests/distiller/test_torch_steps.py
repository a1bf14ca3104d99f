"""Steps on PyTorch: gradients of a step do not add up, and the teacher has none."""

import keras
import numpy as np
import pytest
from small_distillers import X, Y, distiller

if keras.backend.backend() != "torch":
    pytest.skip("to run on PyTorch; see CONTRIBUTING.md", allow_module_level=True)


def test_each_step_has_gradients_of_its_own():
    """Two steps of plain gradient descent, of rate 0 and then 0.1, are one step of rate 0.1."""
    model = distiller(optimizer=keras.optimizers.SGD(0.1), alpha=1.0)
    start = model.student.get_weights()
    results = []
    for rates in ([0.1], [0.0, 0.1]):
        model.student.set_weights(start)
        for rate in rates:
            model.optimizer.learning_rate = rate
            model.train_on_batch(X, Y)
        results.append(model.student.get_weights()[:2])
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)


def test_the_teacher_has_no_gradients():
    model = distiller()
    model.train_on_batch(X, Y)
    assert all(weight.value.grad is None for weight in model.teacher.weights)

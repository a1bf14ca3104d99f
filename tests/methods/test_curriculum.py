"""A learned temperature: its value, its reversed gradient, its schedule, its training."""

import numpy as np
import pytest
from keras import ops
from method_tools import logits_pair, losses, needs_float64
from small_distillers import X, Y, network

from distill.distiller import Distiller
from distill.distiller.backend import value_and_gradients
from distill.errors import UserError
from distill.methods import KD, Batch, CurriculumTemperature, Outputs

START = 1 + 20 / (1 + np.exp(-1))


def test_is_the_method_at_the_learned_temperature():
    teacher, student = logits_pair()
    got = losses(CurriculumTemperature(), teacher, student, temperature=3.0)
    wanted = losses(KD(), teacher, student, temperature=START)
    np.testing.assert_allclose(got["kd"], wanted["kd"], rtol=1e-5)


@needs_float64
@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (50, 0.5), (100, 1.0), (300, 1.0)])
def test_the_gradient_of_theta_is_reversed_and_grows(step, weight):
    pair = [each.astype("float64") for each in logits_pair()]
    teacher, student = map(Outputs, logits_pair())
    method = CurriculumTemperature(steps=100)
    method(teacher, student)
    method.step.assign(step)

    def mean(theta):
        temperature = 1 + 20 / (1 + np.exp(-theta))
        return np.mean(losses(KD(), *pair, temperature)["kd"])

    def loss():
        return ops.mean(method(teacher, student, Batch(training=True))["kd"]), ()

    _, (found,) = value_and_gradients(loss, [method.theta])
    wanted = -weight * (mean(1.001) - mean(0.999)) / 0.002
    assert float(found) == pytest.approx(wanted, rel=0.01, abs=1e-6)
    method.step.assign(step)
    method(teacher, student, Batch(training=True))
    assert float(method.step) == step + 1


def test_training_moves_the_temperature_and_evaluation_does_not():
    method = CurriculumTemperature(steps=2)
    distiller = Distiller(teacher=network(16), student=network(), method=method)
    distiller.compile("adam")
    distiller.fit(X, Y, epochs=4, verbose=0)
    after, step = float(method.temperature()), float(method.step)
    assert after != pytest.approx(START, rel=1e-5)
    assert step == distiller.optimizer.iterations
    distiller.evaluate(X, Y, verbose=0)
    assert (float(method.temperature()), float(method.step)) == (after, step)


def test_wrong_options():
    for steps in (0, 1.5, "x"):
        with pytest.raises(UserError, match="steps is"):
            CurriculumTemperature(steps=steps)
    with pytest.raises(UserError, match="range is"):
        CurriculumTemperature(range=0)

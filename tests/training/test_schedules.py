"""Learning rates, step by step, against their formulas and against values computed by hand."""

import math
import typing

import keras
import numpy as np
import pytest

from distill.recipes.recipe import Schedule, Training
from distill.training.schedules import make_schedule


def schedule_of(name, rate=0.2, steps=1, period=20.0, **settings):
    """Steps are epochs, unless there are several in each."""
    settings = {"epochs": 40, "schedule_epochs": period, **settings}
    return make_schedule(Training(schedule=name, learning_rate=rate, **settings), steps)


def rates(schedule, steps):
    if not callable(schedule):
        return np.full(len(steps), schedule)
    return np.array([float(schedule(step)) for step in steps])


def test_constant():
    assert schedule_of("constant", 0.3) == 0.3


def test_step_decay_halves_at_its_steps():
    schedule = schedule_of("step_decay", 0.01, steps=10, period=10.0, epochs=100)
    found = rates(schedule, [0, 99, 100, 199, 200, 999])
    np.testing.assert_allclose(found, [0.01, 0.01, 0.005, 0.005, 0.0025, 0.01 / 512], rtol=1e-6)


def test_cosine_to_a_floor():
    steps, rate = 240, 2e-4
    schedule = schedule_of("cosine", rate, steps=6, epochs=40, schedule_floor=0.1)
    at = np.arange(0, steps + 1, 8)
    factor = (1 + np.cos(np.pi * at / steps)) / 2 * 0.9 + 0.1
    np.testing.assert_allclose(rates(schedule, at), rate * factor, rtol=1e-5)


def test_cosine_without_floor_ends_at_zero():
    schedule = schedule_of("cosine", 0.1, epochs=100)
    np.testing.assert_allclose(rates(schedule, [0, 50, 100]), [0.1, 0.05, 0.0], atol=1e-8)


def test_each_period_of_warm_restarts_is_twice_as_long():
    """The values of the recipe caltech: a first period of 34,560 steps, from 1e-4 to 9e-6."""
    period, rate, floor = 34_560, 1e-4, 0.09
    schedule = schedule_of("warm_restarts", rate, period=float(period), schedule_floor=floor)

    def expected(step):
        start, length = 0, period
        while step >= start + length:
            start, length = start + length, 2 * length
        return rate * (floor + (1 - floor) * (1 + math.cos(math.pi * (step - start) / length)) / 2)

    first = [0, period // 2, period - 1]
    second = [period + 1, 2 * period, 3 * period - 1]
    at = [*first, *second, 3 * period + 1, 5 * period, 7 * period - 2]
    np.testing.assert_allclose(rates(schedule, at), [expected(step) for step in at], rtol=2e-4)
    assert rates(schedule, [period - 1])[0] == pytest.approx(9e-6, rel=1e-3)
    assert rates(schedule, [period + 1])[0] == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("name", typing.get_args(Schedule))
def test_warm_up_of_every_schedule(name):
    plain = schedule_of(name, schedule_floor=0.1)
    warmed = schedule_of(name, schedule_floor=0.1, warmup_epochs=4.0)
    at = np.arange(40)
    assert (rates(plain, at).min() < 0.2) == (name != "constant")
    expected = rates(plain, at) * np.minimum(1, (at + 1) / 4)
    np.testing.assert_allclose(rates(warmed, at), expected, rtol=1e-6)
    assert rates(warmed, [0])[0] == pytest.approx(0.05)


def test_an_optimizer_with_warm_up_is_saved_and_loaded():
    schedule = schedule_of("cosine", warmup_epochs=4.0)
    optimizer = keras.optimizers.SGD(schedule)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    at = [0, 2, 10]
    np.testing.assert_allclose(rates(again._learning_rate, at), rates(schedule, at))

"""Learning rates, step by step, against their formulas and against values computed by hand."""

import math
import typing

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.recipes.recipe import NEED_EPOCHS, Schedule
from distill.training.schedules import SCHEDULES, make_schedule


def rates(schedule, steps):
    if not callable(schedule):
        return np.full(len(steps), schedule)
    return np.array([float(schedule(step)) for step in steps])


def test_every_schedule_of_a_recipe_can_be_made():
    assert tuple(SCHEDULES) == typing.get_args(Schedule)
    assert set(NEED_EPOCHS) < set(SCHEDULES)


def test_constant():
    assert make_schedule("constant", 0.3, steps=10) == 0.3


def test_unknown_names_and_missing_periods_are_refused():
    with pytest.raises(UserError, match="Unknown schedule 'linear'; use one of constant, cosine"):
        make_schedule("linear", 0.3, steps=10)
    for name in NEED_EPOCHS:
        with pytest.raises(UserError, match=f"The schedule '{name}' needs a period"):
            make_schedule(name, 0.3, steps=10)


def test_step_decay_halves_at_its_steps():
    schedule = make_schedule("step_decay", 0.01, steps=1000, period=100)
    found = rates(schedule, [0, 99, 100, 199, 200, 999])
    np.testing.assert_allclose(found, [0.01, 0.01, 0.005, 0.005, 0.0025, 0.01 / 512], rtol=1e-6)


def test_cosine_to_a_floor():
    steps, rate = 240, 2e-4
    schedule = make_schedule("cosine", rate, steps=steps, floor=0.1)
    at = np.arange(0, steps + 1, 8)
    factor = (1 + np.cos(np.pi * at / steps)) / 2 * 0.9 + 0.1
    np.testing.assert_allclose(rates(schedule, at), rate * factor, rtol=1e-5)


def test_cosine_without_floor_ends_at_zero():
    schedule = make_schedule("cosine", 0.1, steps=100)
    np.testing.assert_allclose(rates(schedule, [0, 50, 100]), [0.1, 0.05, 0.0], atol=1e-8)


def test_each_period_of_warm_restarts_is_twice_as_long():
    """The values of the recipe caltech: a first period of 34,560 steps, from 1e-4 to 9e-6."""
    period, rate, floor = 34_560, 1e-4, 0.09
    schedule = make_schedule("warm_restarts", rate, steps=10**6, period=period, floor=floor)

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


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_of_every_schedule(name):
    plain = make_schedule(name, 0.2, steps=40, period=20, floor=0.1)
    warmed = make_schedule(name, 0.2, steps=40, period=20, floor=0.1, warmup=4)
    at = np.arange(40)
    expected = rates(plain, at) * np.minimum(1, (at + 1) / 4)
    np.testing.assert_allclose(rates(warmed, at), expected, rtol=1e-6)
    assert rates(warmed, [0])[0] == pytest.approx(0.05)


def test_an_optimizer_with_warm_up_is_saved_and_loaded():
    schedule = make_schedule("cosine", 0.2, steps=40, warmup=4)
    optimizer = keras.optimizers.SGD(schedule)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    at = [0, 2, 10]
    np.testing.assert_allclose(rates(again._learning_rate, at), rates(schedule, at))

"""Optimizers are made from training settings; schedules are given in epochs there."""

import typing

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.recipes.recipe import Training
from distill.training.optimizer import OPTIMIZERS, make_optimizer


def test_every_optimizer_of_a_recipe_can_be_made():
    assert set(OPTIMIZERS) == set(typing.get_args(Training.model_fields["optimizer"].annotation))
    for name, kind in OPTIMIZERS.items():
        assert type(make_optimizer(Training(optimizer=name), steps=1)) is kind


def test_options_reach_the_optimizer():
    options = {"momentum": 0.9, "nesterov": True, "clipnorm": 1}
    training = Training(optimizer="sgd", optimizer_options=options, learning_rate=0.5)
    optimizer = make_optimizer(training, steps=1)
    found = optimizer.momentum, optimizer.nesterov, optimizer.clipnorm
    assert found == (0.9, True, 1)
    assert float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        ("adam", {"momentum": 0.9}, "The optimizer 'adam' has no option 'momentum'; it has beta_1"),
        ("sgd", {"learning_rate": 0.1}, "has no option 'learning_rate'"),
        ("sgd", {"name": "x"}, "has no option 'name'"),
        ("sgd", {"momentum": 2}, "The optimizer 'sgd' refuses the options {'momentum': 2}"),
        ("adam", {"clipnorm": "abc"}, "The option 'clipnorm' of the optimizer 'adam' is 'abc'"),
        ("adam", {"beta_1": [0.9]}, r"is \[0.9\], and must be a number"),
        ("adam", {"clipnorm": 1.0, "clipvalue": 1.0}, "refuses the options"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(optimizer, options, message):
    training = Training(optimizer=optimizer, optimizer_options=options)
    with pytest.raises(UserError, match=message) as raised:
        make_optimizer(training, steps=1)
    assert "\n" not in str(raised.value)


def test_a_schedule_is_given_in_epochs():
    training = Training(
        learning_rate=0.01, schedule="cosine", schedule_floor=0.2, warmup_epochs=0.5, epochs=4
    )
    rate = make_optimizer(training, steps=100)._learning_rate
    for step, warm in ((0, 1 / 50), (24, 0.5), (49, 1), (200, 1), (400, 1)):
        expected = 0.01 * (0.2 + 0.8 * (1 + np.cos(np.pi * step / 400)) / 2)
        assert float(rate(step)) == pytest.approx(expected * warm, rel=1e-5, abs=1e-9)


def test_a_period_is_given_in_epochs():
    training = Training(learning_rate=0.5, schedule="step_decay", schedule_epochs=2.0, epochs=7)
    rate = make_optimizer(training, steps=100)._learning_rate
    assert [float(rate(step)) for step in (199, 200, 400)] == [0.5, 0.25, 0.125]
    assert isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)

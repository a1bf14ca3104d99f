"""`StopOnNaN` names the step at which the loss was lost; `Schedule` sets a distiller's settings."""

import keras
import numpy as np
import pytest
from small_distillers import X, Y, distiller

from distill.callbacks import Schedule, StopOnNaN
from distill.errors import UserError


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("together", "where"),
    [(1, "at step 6 of epoch 1"), (4, "at one of the steps 5 to 8 of epoch 1")],
)
def test_it_names_the_step(bad, together, where):
    x, y = np.zeros((20, 1), "float32"), np.zeros((20, 1), "float32")
    y[11] = bad  # in the sixth batch of two
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=together)
    with pytest.raises(UserError, match=f"The loss became (nan|inf) {where}, and training was"):
        model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0, callbacks=[StopOnNaN()])


def test_a_shorter_last_call_ends_at_its_last_step():
    x, y = np.zeros((20, 1), "float32"), np.zeros((20, 1), "float32")
    y[19] = np.nan
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=4)
    with pytest.raises(UserError, match="one of the steps 9 to 10 of epoch 1"):
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[StopOnNaN()])


def test_a_finite_loss_ends_nothing():
    x = np.zeros((4, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x, epochs=2, verbose=0, callbacks=[StopOnNaN()])


def test_a_schedule_sets_both_settings_before_each_epoch():
    model, seen = distiller(), []
    schedule = Schedule(alpha=lambda epoch: 0.1 * epoch, temperature=lambda epoch: 8 - epoch)
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((model.alpha, model.temperature))
    )
    model.fit(X, Y, epochs=3, callbacks=[schedule, watch], verbose=0)
    assert seen == [(0.0, 8.0), (0.1, 7.0), (0.2, 6.0)]


def test_a_schedule_out_of_range():
    with pytest.raises(UserError, match="temperature is 0, and must be a positive number"):
        distiller().fit(X, Y, callbacks=[Schedule(temperature=lambda epoch: 0)], verbose=0)

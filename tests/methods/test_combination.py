"""Sums of methods: weights, names, layers, text, and a round trip through a file."""

import keras
import numpy as np
import pytest
from keras import layers

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import (
    KD,
    Batch,
    Combination,
    FitNet,
    MSELogits,
    Outputs,
    get_method,
    method_terms,
)

RNG = np.random.default_rng(0)
TEACHER, STUDENT = (Outputs(RNG.normal(size=(4, 3)).astype("float32")) for _ in range(2))
BATCH = Batch(temperature=2.0)


def parts(method):
    return {name: np.asarray(values) for name, values in method(TEACHER, STUDENT, BATCH).items()}


def test_parts_carry_the_weights():
    got = parts(0.5 * KD() + MSELogits() * 3)
    assert list(got) == ["kd", "mse_logits"]
    np.testing.assert_allclose(got["kd"], 0.5 * parts(KD())["kd"], rtol=1e-6)
    np.testing.assert_allclose(got["mse_logits"], 3 * parts(MSELogits())["mse_logits"], rtol=1e-6)


def test_weights_of_nested_sums_multiply():
    method = 2.0 * (KD() + 0.5 * MSELogits()) + 4.0 * KD()
    assert method.factors == [2.0, 1.0, 4.0]
    got = parts(method)
    assert list(got) == ["kd", "mse_logits", "kd_2"]
    np.testing.assert_allclose(got["kd_2"], 2 * got["kd"], rtol=1e-6)


@pytest.mark.parametrize("weight", [-1, float("nan"), True])
def test_wrong_weights(weight):
    with pytest.raises(UserError, match=r"weight is .*must be a number, 0 or more"):
        weight * KD()


def test_wrong_operands():
    with pytest.raises(TypeError):
        KD() * KD()
    with pytest.raises(TypeError):
        KD() + 1
    method = KD()
    with pytest.raises(UserError, match="the same method object twice"):
        method + method


def test_as_text():
    assert method_terms("kd") == [(1.0, "kd")]
    assert method_terms("kd+0.5*fitnet + 1e+2 * mse_logits") == [
        (1.0, "kd"),
        (0.5, "fitnet"),
        (100.0, "mse_logits"),
    ]
    method = get_method("0.9 * kd + mse_logits")
    assert isinstance(method, Combination)
    assert method.factors == [0.9, 1.0]
    for name, values in parts(0.9 * KD() + MSELogits()).items():
        np.testing.assert_array_equal(parts(method)[name], values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kd + kdd", "Unknown method 'kdd'; use one of kd"),
        ("kd +", "Unknown method 'kd [+]'; use one of kd"),
        ("", "Unknown method ''; use one of kd"),
        ("x * kd", "The weight 'x' in the method 'x [*] kd' is not a number"),
        ("-1 * kd", "weight is -1.0, and must be a number, 0 or more"),
        ("nan * kd", "weight is nan, and must be a number, 0 or more"),
    ],
)
def test_wrong_text(text, message):
    with pytest.raises(UserError, match=message):
        get_method(text)


def test_options_with_a_sum():
    with pytest.raises(UserError, match="is a combination and takes no options such as 'weight'"):
        get_method("kd + fitnet", weight=2.0)


def network(*hidden):
    stack = [layers.Dense(units, name=f"h{number}") for number, units in enumerate(hidden)]
    return keras.Sequential([keras.Input((5,)), *stack, layers.Dense(3, name="logits")])


X, Y = RNG.normal(size=(24, 5)).astype("float32"), RNG.integers(0, 3, 24)


def test_members_receive_their_own_layers(tmp_path):
    first, second = FitNet("h0", "h1", weight=2.0), FitNet(("h1", "h0"), (None, "h0"))
    method = first + 0.5 * second
    assert method.teacher_layers == ("h0", "h1")
    assert method.student_layers == ("h1", None, "h0")
    model = Distiller(teacher=network(8, 7), student=network(4, 6), method=method)
    model.compile("adam", run_eagerly=True)
    shapes = [[tuple(r.kernel.shape) for r in each.regressors] for each in (first, second)]
    assert shapes == [[(6, 8)], [(6, 7), (4, 8)]]
    got = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert got["kd_2"] == pytest.approx(0.5 * got["kd"], rel=1e-6)
    named = sum(got[name] for name in ("kd", "hint", "kd_2", "hint_2"))
    assert named == pytest.approx(got["soft_loss"], rel=1e-6)
    alone = Distiller(teacher=model.teacher, student=model.student, method=first)
    alone.compile("adam", run_eagerly=True)
    hint = alone.evaluate(X, Y, verbose=0, return_dict=True)["hint"]
    assert got["hint"] == pytest.approx(hint, rel=1e-6)

    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    assert again.method.factors == [1.0, 0.5]

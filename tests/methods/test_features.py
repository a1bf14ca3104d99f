"""Hints against NumPy in float64, alone and in a Distiller."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.special import log_softmax, softmax

from distill.checks import check
from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import FitNet, Outputs, get_method, hint_loss

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 5)).astype("float32"), RNG.integers(0, 3, 24)


@pytest.mark.parametrize("shape", [(1, 1), (7, 16), (3, 4, 5, 6)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_hint_loss_equals_the_float64_formula(shape, scale):
    teacher, student = RNG.normal(scale=scale, size=(2, *shape)).astype("float32")
    pairs = zip(teacher.astype("float64"), student.astype("float64"), strict=True)
    expected = [np.mean((t - s) ** 2) for t, s in pairs]
    got = hint_loss(teacher, student)
    assert got.shape == shape[:1]
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_hint_loss_computes_in_float32():
    half = np.full((1, 4), 300.0, "float16")  # whose square float16 does not hold
    assert float(hint_loss(half, np.zeros_like(half))[0]) == 9e4


def network(hidden, name):
    return keras.Sequential(
        [keras.Input((5,)), layers.Dense(hidden, name=name), layers.Dense(3, name="logits")]
    )


def distiller(eagerly=True, **options):
    """Eager, unless the compiled step is the point: tracing takes a second."""
    model = Distiller(
        teacher=network(8, "wide"),
        student=network(4, "narrow"),
        method=get_method("fitnet", **options),
        alpha=0.3,
        temperature=2.0,
    )
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=eagerly)
    return model


def soft_loss(teacher, student, regressor, weight):
    """The soft loss in float64; the weights are (hidden kernel, bias, logits' kernel, bias)."""
    features, logits = [], []
    for kernel, bias, last, offset in (teacher, student):
        features.append(X.astype("float64") @ kernel + bias)
        logits.append(features[-1] @ last + offset)
    p, log_p, log_q = softmax(logits[0] / 2, -1), *(log_softmax(each / 2, -1) for each in logits)
    hint = np.mean((features[0] - (features[1] @ regressor[0] + regressor[1])) ** 2, -1)
    return np.mean(4 * np.sum(p * (log_p - log_q), -1) + weight * hint)


def loss_of(model, y=Y):
    return model.evaluate(X, y, verbose=0, return_dict=True)["loss"]


def weights_of(model):
    parts = model.teacher, model.student, model.method
    return [[weight.astype("float64") for weight in part.get_weights()] for part in parts]


@pytest.mark.parametrize("options", [{}, {"teacher_layers": "wide", "student_layers": ["narrow"]}])
@pytest.mark.parametrize("weight", [0.0, 1.0, 5.0])
def test_soft_loss_equals_the_float64_formula(options, weight):
    model = distiller(**options, weight=weight)
    expected = soft_loss(*weights_of(model), weight)
    got = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert got["soft_loss"] == pytest.approx(expected, rel=1e-5)
    assert got["kd"] == pytest.approx(soft_loss(*weights_of(model), 0.0), rel=1e-5)
    assert got["kd"] + got["hint"] == pytest.approx(expected, rel=1e-5)


def test_several_pairs_of_layers_against_numpy():
    """Both models have two hidden layers; each pair has its own regressor."""

    def deep(*hidden):
        stack = [layers.Dense(units, name=f"h{number}") for number, units in enumerate(hidden)]
        return keras.Sequential([keras.Input((5,)), *stack, layers.Dense(3)])

    teacher, student = deep(8, 7), deep(4, 6)
    method = FitNet(("h0", "h1"), ("h1", "h0"), weight=0.5)
    model = Distiller(teacher=teacher, student=student, method=method)
    model.compile("sgd", run_eagerly=True)
    expected = 0.0
    for number, (of_teacher, of_student) in enumerate((("h0", "h1"), ("h1", "h0"))):
        got = []
        for network, name in ((teacher, of_teacher), (student, of_student)):
            view = keras.Model(network.inputs[0], network.get_layer(name).output)
            got.append(np.asarray(view(X), "float64"))
        kernel, bias = (
            value.astype("float64") for value in method.regressors[number].get_weights()
        )
        expected += 0.5 * np.mean((got[0] - (got[1] @ kernel + bias)) ** 2)
    losses = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert losses["hint"] == pytest.approx(expected, rel=1e-5)
    assert losses["kd"] + losses["hint"] == pytest.approx(losses["soft_loss"], rel=1e-6)


def test_step_against_gradients_by_finite_differences():
    """The regressor learns as well, from the soft loss only."""
    model = distiller(eagerly=False, weight=2.0)
    model.alpha = 0.0
    before = weights_of(model)
    model.train_on_batch(X, Y)
    after = weights_of(model)
    for was, now in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(was, now)  # the teacher
    for part in (1, 2):
        for number, values in enumerate(before[part]):
            for index in np.ndindex(values.shape):
                losses = []
                for step in (1e-5, -1e-5):
                    moved = [[each.copy() for each in weights] for weights in before]
                    moved[part][number][index] += step
                    losses.append(soft_loss(*moved, 2.0))
                slope = (losses[0] - losses[1]) / 2e-5
                moved_by = values[index] - after[part][number][index]
                assert moved_by == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_evaluate_and_check_change_nothing():
    model = distiller()
    before = model.get_weights()
    model.evaluate(X, Y, verbose=0)
    assert check(model, X, Y)[-1].level == "ok"
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_compute_loss_is_that_of_a_step():
    model = distiller()
    got = model.compute_loss(X, Y, model(X), training=False)
    assert ops.convert_to_numpy(got) == pytest.approx(loss_of(model), rel=1e-5)


def test_stored_logits_take_the_place_of_the_teachers_and_features_stay_its_own():
    model = distiller(weight=0.0)
    stored = RNG.normal(size=(24, 3)).astype("float32")
    got = model.evaluate(X, {"labels": Y, "teacher_logits": stored}, verbose=0, return_dict=True)
    student = np.asarray(model(X), "float64")
    p, log_p = softmax(stored / 2, -1), log_softmax(stored.astype("float64") / 2, -1)
    expected = np.mean(4 * np.sum(p * (log_p - log_softmax(student / 2, -1)), -1))
    assert got["soft_loss"] == pytest.approx(expected, rel=1e-5)
    model = distiller(weight=1.0)
    logits = np.asarray(model.teacher_outputs(X).logits)
    stored = loss_of(model, {"labels": Y, "teacher_logits": logits})
    assert stored == pytest.approx(loss_of(model), rel=1e-6)


def test_saved_and_loaded_with_its_regressor(tmp_path):
    model = distiller(weight=3.0, student_layers="narrow")
    model.fit(X, Y, epochs=1, verbose=0)
    model.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.method.get_config() == model.method.get_config()
    assert loss_of(again) == pytest.approx(loss_of(model))
    model.fit(X, Y, shuffle=False, verbose=0)
    again.fit(X, Y, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_models_that_are_built_by_their_first_batch():
    models = [keras.Sequential([layers.Dense(hidden), layers.Dense(3)]) for hidden in (8, 4)]
    model = Distiller(teacher=models[0], student=models[1], method="fitnet")
    model.compile("adam")
    assert np.isfinite(model.fit(X, Y, verbose=0).history["soft_loss"][0])
    assert model.method.regressors[0].kernel.shape == (4, 8)


def test_the_student_needs_nothing_of_the_method():
    model = distiller()
    names = {weight.path for weight in model.student.weights}
    assert not any("regressor" in name for name in names)
    assert len(model.trainable_variables) == len(model.student.weights) + 2
    model.trainable = False
    assert model.trainable_variables == []


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = distiller()
    assert model.method.regressors[0].compute_dtype == "float32"
    history = model.fit(X, Y, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["soft_loss"]))


def shapes(*features):
    return Outputs((None, 3), (features,))


def test_feature_maps_of_different_size_are_refused():
    method = FitNet()
    method.build(shapes(None, 4, 4, 8), shapes(None, 4, 4, 3))
    assert [tuple(weight.shape) for weight in method.weights] == [(3, 8), (8,)]
    for student in ((None, 2, 2, 3), (None, 48)):
        with pytest.raises(UserError, match=r"shape \(4, 4, 8\) in the teacher and .* choose lay"):
            FitNet().build(shapes(None, 4, 4, 8), shapes(*student))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -1}, "weight is -1, and must be a number, 0 or more"),
        ({"teacher_layers": 3}, "The option teacher_layers of the method 'fitnet' is 3, and must"),
        ({"teacher_layers": ()}, "teacher_layers is .*must be a layer's name, several names, or N"),
        ({"teacher_layers": ("a", "b")}, "names 2 layers and student_layers 1; name one of each"),
        ({"beta": 1}, "'fitnet' has no option 'beta'; it has teacher_layers, student_layers, we"),
        ({"weight": "2"}, "The option weight of the method 'fitnet' is '2', and must be a number"),
        ({"weight": True}, "weight of the method 'fitnet' is True, and must be a number"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        get_method("fitnet", **options)


def test_an_option_of_a_method_that_has_none():
    with pytest.raises(UserError, match=r"'kd' has no option 'weight'; it has none\."):
        get_method("kd", weight=1)

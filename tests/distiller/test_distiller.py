"""The Distiller as a Keras model: its numbers, its settings, its files."""

import keras
import numpy as np
import pytest
from keras import layers
from small_distillers import RNG, X, Y, cross_entropy, distiller, in_float64, kl, network

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import Method, mse_logits


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_what_the_formula_says(weighted):
    model = distiller(compiled=True)
    weights = RNG.random(len(X)) if weighted else np.ones(len(X))
    teacher, student = in_float64(model.teacher), in_float64(model.student)
    hard = np.mean(weights * cross_entropy(student))
    soft = np.mean(weights * kl(teacher, student, 4.0))
    # A batch size that leaves a smaller last batch: its examples count as much as the others.
    got = model.evaluate(X, Y, sample_weight=weights, batch_size=40, verbose=0, return_dict=True)
    assert got["hard_loss"] == pytest.approx(hard, rel=1e-5)
    assert got["soft_loss"] == pytest.approx(soft, rel=1e-5)
    assert got["loss"] == pytest.approx(0.3 * hard + 0.7 * soft, rel=1e-5)
    right = np.argmax(student, -1) == Y
    assert got["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-5)


def test_step_against_gradients_by_finite_differences():
    """One step of plain SGD moves each weight by the derivative of the NumPy loss."""
    student = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    model = distiller(student=student, optimizer=keras.optimizers.SGD(1.0), compiled=True)
    teacher = in_float64(model.teacher)
    kernel, bias = (weight.astype("float64") for weight in student.get_weights())

    def loss(kernel, bias):
        logits = X.astype("float64") @ kernel + bias
        return np.mean(0.3 * cross_entropy(logits) + 0.7 * kl(teacher, logits, 4.0))

    model.train_on_batch(X, Y)
    moved = [
        before - after for before, after in zip((kernel, bias), student.get_weights(), strict=True)
    ]
    for index in np.ndindex(kernel.shape):
        step = np.zeros_like(kernel)
        step[index] = 1e-5
        slope = (loss(kernel + step, bias) - loss(kernel - step, bias)) / 2e-5
        assert moved[0][index] == pytest.approx(slope, rel=1e-3, abs=1e-5)
    for index in range(4):
        step = np.eye(4)[index] * 1e-5
        slope = (loss(kernel, bias + step) - loss(kernel, bias - step)) / 2e-5
        assert moved[1][index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_alpha_one_is_plain_training():
    model = distiller(alpha=1.0)
    plain = keras.models.clone_model(model.student)
    plain.set_weights(model.student.get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    plain.compile("adam", loss, run_eagerly=True)
    for fitted in (model, plain):
        fitted.fit(X, Y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    for ours, keras_own in zip(model.student.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-4, atol=1e-6)


def test_alpha_zero_uses_no_label():
    model, other = distiller(alpha=0.0), distiller(alpha=0.0)
    other.set_weights(model.get_weights())
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    other.fit(X, np.full(len(X), -1), epochs=2, shuffle=False, verbose=0)
    for first, second in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_inputs_alone_are_enough_for_alpha_zero():
    model = Distiller(teacher=network(16), student=network(), alpha=0.0)
    model.compile("adam", run_eagerly=True)
    history = model.fit(X, epochs=1, verbose=0).history
    assert history["hard_loss"] == [0.0]
    assert history["soft_loss"][0] > 0


def test_labels_missing_with_alpha_above_zero():
    model = Distiller(teacher=network(16), student=network(), alpha=0.3)
    model.compile("adam", run_eagerly=True)
    with pytest.raises(UserError, match=r"alpha is 0.3 and there are no labels"):
        model.fit(X, epochs=1, verbose=0)


def test_metrics_without_labels():
    model = distiller(alpha=0.0)
    with pytest.raises(UserError, match="The metrics need labels, and there are none"):
        model.fit(X, epochs=1, verbose=0)


def test_unlabelled_examples_are_imitated_only():
    model = distiller()
    labels = np.where(np.arange(len(Y)) % 2 == 0, Y, -1)
    got = model.evaluate(X, labels, batch_size=len(X), verbose=0, return_dict=True)
    student = in_float64(model.student)
    assert got["hard_loss"] == pytest.approx(cross_entropy(student[::2], Y[::2]).mean(), rel=1e-5)
    wanted = kl(in_float64(model.teacher), student, 4.0).mean()
    assert got["soft_loss"] == pytest.approx(wanted, rel=1e-5)
    accuracy = np.mean(np.argmax(student[::2], -1) == Y[::2])
    assert got["accuracy"] == pytest.approx(accuracy, rel=1e-5)


def test_regularisation_of_the_student_alone_is_added():
    teacher = network(16, kernel_regularizer=keras.regularizers.L2(100.0))
    student = network(8, kernel_regularizer=keras.regularizers.L2(0.1))
    model = distiller(teacher=teacher, student=student)
    got = model.evaluate(X, Y, verbose=0, return_dict=True)
    penalty = 0.1 * np.sum(np.square(student.get_weights()[0].astype("float64")))
    parts = 0.3 * got["hard_loss"] + 0.7 * got["soft_loss"]
    assert got["loss"] == pytest.approx(parts + penalty, rel=1e-5)


def test_saves_whole_and_training_goes_on(tmp_path):
    """Four epochs at once equal two, a save, a load and two more, optimizer state included."""
    model = distiller(student=network(dropout=0.0), method=mse_logits_registered, compiled=True)
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    model.alpha = 0.6
    model.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert (again.alpha, again.temperature) == (0.6, 4.0)
    assert int(again.optimizer.iterations.numpy()) == int(model.optimizer.iterations.numpy()) == 6
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for one in (model, again):
        one.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for first, second in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-7)


@keras.saving.register_keras_serializable(package="distill_tests")
def mse_logits_registered(teacher_logits, student_logits, temperature):
    return mse_logits(teacher_logits, student_logits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": -0.1}, "alpha is -0.1, and must be between 0"),
        ({"alpha": 1.5}, "alpha is 1.5, and must be between 0"),
        ({"temperature": 0.0}, "temperature is 0.0, and must be a positive number"),
        ({"temperature": -4.0}, "temperature is -4.0, and must be a positive number"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": "4"}, "temperature is '4', and must be a positive number"),
        ({"method": "kdd"}, "Unknown method 'kdd'; use one of kd"),
        ({"student": network(classes=5)}, "The teacher has 4 classes and the student 5"),
        ({"teacher": "resnet"}, "The teacher is str; it must be a keras.Model"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message):
        Distiller(**{"teacher": network(16), "student": network(), **arguments})


def test_own_lambda_and_own_method_with_weights():
    model = distiller(method=lambda t, s, temperature: keras.ops.mean((t - s) ** 2, axis=-1))
    model.fit(X, Y, verbose=0)

    class Projected(Method):
        def build(self, *shapes, **more):
            self.kernel = self.add_weight(shape=(4, 4), name="kernel")

        def call(self, teacher, student, batch):
            difference = teacher.logits - keras.ops.matmul(student.logits, self.kernel)
            return keras.ops.mean(difference**2, axis=-1)

    model = distiller(method=Projected(), compiled=True)
    model.fit(X, Y, verbose=0)
    before = np.copy(model.method.kernel)
    assert len(model.trainable_variables) == len(model.student.trainable_variables) + 1
    model.fit(X, Y, verbose=0)
    assert np.any(before != np.array(model.method.kernel))


def test_setting_a_value_out_of_range():
    model = distiller()
    with pytest.raises(UserError, match="temperature is 0"):
        model.temperature = 0
    with pytest.raises(UserError, match="alpha is 2"):
        model.alpha = 2
    assert (model.alpha, model.temperature) == (0.3, 4.0)


def test_loss_of_probabilities_is_refused():
    model = distiller()
    with pytest.raises(UserError, match="from_logits=True"):
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy())


@pytest.mark.parametrize("kind", ["dictionary", "list"])
@pytest.mark.parametrize("method", ["kd", "fitnet"])
def test_inputs_that_are_dictionaries_or_lists(kind, method):
    def two_inputs(hidden):
        inputs = {"left": keras.Input((3,), name="left"), "right": keras.Input((3,), name="right")}
        x = layers.Concatenate()(list(inputs.values()))
        outputs = layers.Dense(4)(layers.Dense(hidden)(x))
        return keras.Model(inputs if kind == "dictionary" else list(inputs.values()), outputs)

    x = {"left": X[:, :3], "right": X[:, 3:]} if kind == "dictionary" else [X[:, :3], X[:, 3:]]
    model = distiller(teacher=two_inputs(6), student=two_inputs(5), method=method)
    losses = model.evaluate(x, Y, verbose=0, return_dict=True)
    student, teacher = (in_float64(each, x) for each in (model.student, model.teacher))
    assert losses["hard_loss"] == pytest.approx(cross_entropy(student).mean(), rel=1e-5)
    soft = losses.get("kd", losses["soft_loss"])
    assert soft == pytest.approx(kl(teacher, student, 4.0).mean(), rel=1e-5)
    model.fit(x, Y, validation_data=(x, Y), verbose=0)
    assert model.predict(x, verbose=0).shape == (96, 4)


def test_a_part_with_a_name_of_the_distillers_own():
    class Bad(Method):
        def call(self, teacher, student, batch):
            zero = keras.ops.zeros_like(student.logits[:, 0])
            return {"loss": zero, "other": zero}

    with pytest.raises(UserError, match="a part named 'loss', which the distiller logs itself"):
        distiller(method=Bad()).fit(X, Y, verbose=0)


@pytest.fixture
def _float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="JAX has no float64, and Keras computes the hard loss in float32 on PyTorch",
)
@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("method", ["kd", "fitnet"])
def test_float64(method):
    model = distiller(method=method)
    got = model.evaluate(X, Y, verbose=0, return_dict=True)
    teacher, student = (in_float64(each, X.astype("float64")) for each in model._models[::-1])
    soft = got.get("kd", got["soft_loss"])
    assert soft == pytest.approx(kl(teacher, student, 4.0).mean(), rel=1e-12)
    assert got["hard_loss"] == pytest.approx(cross_entropy(student).mean(), rel=1e-12)
    assert got["loss"] == pytest.approx(0.3 * got["hard_loss"] + 0.7 * got["soft_loss"], rel=1e-12)
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("alpha", [np.array(0.5), np.float32(0.5), np.float64(0.5)])
def test_settings_from_numpy(alpha):
    model = distiller(alpha=alpha, temperature=np.array(3))
    assert (model.alpha, model.temperature) == (0.5, 3.0)
    model.alpha = np.array(0.25)
    assert model.alpha == 0.25

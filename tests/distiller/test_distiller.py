"""The Distiller as a Keras model: its numbers, its frozen teacher, everything that fit can do."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax, softmax

from distill.distiller import Distiller
from distill.errors import UserError
from distill.methods import Batch, Method, Outputs, mse_logits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = RNG.integers(0, 4, 96)


def network(hidden=8, classes=4, dropout=0.0, **dense):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(hidden, activation="relu", **dense),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(classes, name="logits"),
        ]
    )


def distiller(alpha=0.3, temperature=4.0, optimizer="adam", method="kd", jit=False, **networks):
    networks = {"teacher": network(16, dropout=0.5), "student": network(), **networks}
    model = Distiller(**networks, alpha=alpha, temperature=temperature, method=method)
    model.compile(optimizer, weighted_metrics=["accuracy"], jit_compile=jit)
    return model


def kl(teacher, student, temperature):
    p, q = softmax(teacher / temperature, -1), softmax(student / temperature, -1)
    return temperature**2 * np.sum(p * (np.log(p) - np.log(q)), -1)


def in_float64(model, x=X):
    return np.asarray(model(x, training=False), "float64")


def cross_entropy(logits, labels=Y):
    return -log_softmax(logits, -1)[np.arange(len(labels)), labels]


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_what_the_formula_says(weighted):
    model = distiller()
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
    model = distiller(student=student, optimizer=keras.optimizers.SGD(1.0))
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
    plain.compile("adam", loss)
    for fitted in (model, plain):
        fitted.fit(X, Y, batch_size=32, epochs=3, shuffle=False, verbose=0)
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
    model.compile("adam")
    history = model.fit(X, epochs=1, verbose=0).history
    assert history["hard_loss"] == [0.0]
    assert history["soft_loss"][0] > 0


def test_labels_missing_with_alpha_above_zero():
    with pytest.raises(UserError, match=r"alpha is 0.3 and there are no labels"):
        distiller().fit(X, epochs=1, verbose=0)


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


@pytest.mark.parametrize("trainable", [True, False])
def test_teacher_stays_as_it_was(trainable):
    teacher = network(16, dropout=0.5, kernel_regularizer="l2")
    teacher.trainable = trainable
    flags = [variable.trainable for variable in teacher.variables]
    before = teacher.get_weights()
    model = distiller(teacher=teacher)
    model.trainable = False
    model.trainable = True
    model.compile("adam", metrics=["accuracy"])
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
    model.evaluate(X, Y, verbose=0)
    for first, second in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert teacher.trainable is trainable
    assert [variable.trainable for variable in teacher.variables] == flags
    of_student = {id(variable) for variable in model.student.trainable_variables}
    assert {id(variable) for variable in model.trainable_variables} == of_student


def test_a_teacher_that_insists_on_training_mode_is_not_changed():
    class Insisting(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization, self.dense = layers.BatchNormalization(), layers.Dense(4)

        def call(self, x):
            return self.dense(self.normalization(x, training=True))

    teacher = Insisting()
    teacher(X)
    before = [np.copy(value) for value in teacher.get_weights()]
    model = distiller(teacher=teacher)
    model.fit(X, Y, epochs=1, verbose=0)
    model.evaluate(X, Y, verbose=0)
    for first, second in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_evaluate_and_predict_change_nothing():
    model = distiller()
    model.fit(X, Y, epochs=1, verbose=0)
    before = [np.copy(value) for value in model.get_weights()]
    model.evaluate(X, Y, verbose=0)
    logits = model.predict(X, verbose=0)
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(logits, model.student(X, training=False), rtol=1e-5, atol=1e-6)


def test_one_student_pass_and_one_teacher_pass_a_step():
    calls = []

    class Counting(keras.Model):
        def __init__(self, name):
            super().__init__(name=name)
            self.dense = layers.Dense(4)

        def call(self, x, training=None):
            calls.append((self.name, training))
            return self.dense(x)

    model = Distiller(teacher=Counting("teacher"), student=Counting("student"))
    model.compile("sgd", run_eagerly=True)
    model.build((None, 6))
    model.train_on_batch(X, Y)
    calls.clear()
    model.train_on_batch(X, Y)
    assert calls == [("teacher", False), ("student", True)]


def test_regularisation_of_the_student_alone_is_added():
    teacher = network(16, kernel_regularizer=keras.regularizers.L2(100.0))
    student = network(8, kernel_regularizer=keras.regularizers.L2(0.1))
    model = distiller(teacher=teacher, student=student)
    got = model.evaluate(X, Y, verbose=0, return_dict=True)
    penalty = 0.1 * np.sum(np.square(student.get_weights()[0].astype("float64")))
    parts = 0.3 * got["hard_loss"] + 0.7 * got["soft_loss"]
    assert got["loss"] == pytest.approx(parts + penalty, rel=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_settings_change_without_a_retrace(jit):
    model = distiller(jit=jit)
    traces = []
    step = model.train_step
    model.train_step = lambda data: traces.append(1) or step(data)
    model.fit(X, Y, batch_size=96, verbose=0)
    traced = len(traces)
    seen = []

    class Warm(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.temperature = 1.0 + epoch
            self.model.alpha = 0.25 * epoch
            seen.append((self.model.temperature, self.model.alpha))

    model.fit(X, Y, epochs=4, batch_size=96, verbose=0, callbacks=[Warm()])
    assert seen == [(1.0, 0.0), (2.0, 0.25), (3.0, 0.5), (4.0, 0.75)]
    assert len(traces) == traced
    teacher, student = in_float64(model.teacher), in_float64(model.student)
    got = model.evaluate(X, Y, batch_size=96, verbose=0, return_dict=True)
    assert got["soft_loss"] == pytest.approx(kl(teacher, student, 4.0).mean(), rel=1e-4)
    parts = 0.75 * cross_entropy(student).mean() + 0.25 * kl(teacher, student, 4.0).mean()
    assert got["loss"] == pytest.approx(parts, rel=1e-4)


def test_class_weight_validation_callbacks_and_steps_per_execution():
    model = distiller()
    model.compile("adam", steps_per_execution=3, metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e9)
    class_weight = {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}
    options = {"batch_size": 16, "epochs": 5, "verbose": 0, "validation_data": (X, Y)}
    history = model.fit(X, Y, class_weight=class_weight, callbacks=[stop], **options).history
    assert len(history["loss"]) == 2
    assert set(history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in ("accuracy", "hard_loss", "loss", "soft_loss")
    }
    weights = (Y != 0).astype("float64")
    model = distiller(optimizer=keras.optimizers.SGD(0.0))
    got = model.fit(X, Y, batch_size=96, class_weight={0: 0, 1: 1, 2: 1, 3: 1}, verbose=0).history
    # BatchNormalization of the batch itself, as in training.
    student = np.asarray(model.student(X, training=True), "float64")
    assert got["hard_loss"][0] == pytest.approx(np.mean(weights * cross_entropy(student)), rel=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("jit", [False, True])
def test_half_precision_student_of_a_float32_teacher(policy, jit):
    teacher = network(16)
    keras.config.set_dtype_policy(policy)
    model = distiller(teacher=teacher, student=network(), jit=jit)
    assert model.student.compute_dtype == policy.removeprefix("mixed_")
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    before = teacher.get_weights()
    first = model.evaluate(X, Y, verbose=0, return_dict=True)
    losses = model.compute_losses(
        model.teacher_outputs(X), Outputs(model(X)), Batch(Y, temperature=4.0)
    )
    assert {keras.backend.standardize_dtype(loss.dtype) for loss in losses.values()} == {"float32"}
    model.fit(X, Y, epochs=5, verbose=0)
    last = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert last["loss"] < first["loss"]
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_saves_whole_and_training_goes_on(tmp_path):
    """Four epochs at once equal two, a save, a load and two more, optimizer state included."""
    model = distiller(student=network(dropout=0.0), method=mse_logits_registered)
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


def test_student_saves_as_an_ordinary_model(tmp_path):
    model = distiller()
    model.fit(X, Y, epochs=1, verbose=0)
    model.student.save(tmp_path / "student.keras")
    archive = keras.saving.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(archive(X), model.student(X))
    assert "distill" not in json.dumps(archive.get_config())


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_models_that_end_in_softmax_give_their_logits(role):
    plain = network(16)
    with_softmax = keras.Sequential([*plain.layers, layers.Softmax()])
    other = network(8)
    roles = {"teacher": other, "student": other}
    got = [
        distiller(**{**roles, role: model}).evaluate(X, Y, verbose=0, return_dict=True)
        for model in (plain, with_softmax)
    ]
    for name in got[0]:
        assert got[0][name] == pytest.approx(got[1][name], rel=1e-5)


def test_softmax_student_is_trained_and_keeps_its_softmax():
    student = keras.Sequential([*network().layers, layers.Softmax()])
    model = distiller(student=student, alpha=1.0)
    first = model.evaluate(X, Y, verbose=0, return_dict=True)["hard_loss"]
    model.fit(X, Y, epochs=10, verbose=0)
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["hard_loss"] < first
    np.testing.assert_allclose(np.sum(model.student(X), -1), 1.0, rtol=1e-5)


def test_subclassed_model_that_ends_in_softmax_is_refused():
    class Probabilities(keras.Model):
        def __init__(self):
            super().__init__(name="probabilities")
            self.dense = layers.Dense(4, activation="softmax")

        def call(self, x):
            return self.dense(x)

    with pytest.raises(UserError, match="'probabilities' returns probabilities"):
        distiller(teacher=Probabilities()).fit(X, Y, verbose=0)


def test_two_replicas_equal_one(replicas):
    """Losses, weights and logs of two replicas are those of one with the whole batch."""
    networks = [
        keras.Sequential(
            [keras.Input((6,)), layers.Dense(units, kernel_regularizer="l2"), layers.Dense(4)]
        )
        for units in (16, 8)
    ]
    assert replicas.num_replicas_in_sync == 2
    results = []
    for scope in (tf.distribute.get_strategy().scope, replicas.scope):
        with scope():
            teacher, student = (keras.models.clone_model(network) for network in networks)
            model = distiller(teacher=teacher, student=student, optimizer=keras.optimizers.SGD(0.1))
        for copy, network in zip((teacher, student), networks, strict=True):
            copy.set_weights(network.get_weights())
        data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(48)
        history = model.fit(data, epochs=2, shuffle=False, verbose=0).history
        results.append((history, student.get_weights()))
    for name in results[0][0]:
        assert results[0][0][name] == pytest.approx(results[1][0][name], rel=1e-5)
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


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


def test_student_without_trainable_weights():
    student = network()
    student.trainable = False
    with pytest.raises(UserError, match="has no trainable weights"):
        distiller(student=student).fit(X, Y, verbose=0)


def test_own_lambda_and_own_method_with_weights():
    model = distiller(method=lambda t, s, temperature: keras.ops.mean((t - s) ** 2, axis=-1))
    model.fit(X, Y, verbose=0)

    class Projected(Method):
        def build(self, *shapes, **more):
            self.kernel = self.add_weight(shape=(4, 4), name="kernel")

        def call(self, teacher, student, batch):
            difference = teacher.logits - keras.ops.matmul(student.logits, self.kernel)
            return keras.ops.mean(difference**2, axis=-1)

    model = distiller(method=Projected())
    model.fit(X, Y, verbose=0)
    before = np.copy(model.method.kernel)
    assert len(model.trainable_variables) == len(model.student.trainable_variables) + 1
    model.fit(X, Y, verbose=0)
    assert np.any(before != np.array(model.method.kernel))


def test_teacher_and_student_may_not_be_the_same():
    model = network()
    with pytest.raises(UserError, match="share weights"):
        Distiller(teacher=model, student=model)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_inputs_stop_training_and_name_the_step(bad):
    inputs = X.copy()
    inputs[40] = bad
    model = distiller()
    before = model.evaluate(X, Y, verbose=0, return_dict=True)
    model.fit(X, Y, batch_size=16, epochs=5, verbose=0)
    learned = model.evaluate(X, Y, verbose=0, return_dict=True)
    with pytest.raises(UserError, match="step 3 of epoch 1"):
        model.fit(inputs, Y, batch_size=16, shuffle=False, epochs=2, verbose=0)
    # What was learned is still there.
    after = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert after["loss"] < (before["loss"] + learned["loss"]) / 2


@pytest.mark.parametrize("bad", [np.nan, 4.0])
def test_bad_labels_stop_training_and_name_the_step(bad):
    labels = Y.astype("float32")
    labels[20] = bad
    with pytest.raises(UserError, match=r"step 2 of epoch 1.*labels beyond the classes"):
        distiller().fit(X, labels, batch_size=16, shuffle=False, verbose=0)


def test_bad_inputs_among_steps_executed_together():
    inputs = X.copy()
    inputs[70] = np.nan
    model = distiller()
    model.compile("adam", steps_per_execution=3)
    with pytest.raises(UserError, match="one of the steps 4 to 6 of epoch 1"):
        model.fit(inputs, Y, batch_size=16, shuffle=False, epochs=1, verbose=0)


def test_other_backend(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match="KERAS_BACKEND=tensorflow"):
        Distiller(teacher=network(), student=network())


def test_stored_teacher_logits_train_like_the_teacher_itself():
    """Same start, same batches: the same student, without one pass of the teacher."""
    students, networks = [], {"teacher": network(16, dropout=0.5), "student": network(dropout=0.2)}
    start = networks["student"].get_weights()
    logits = np.asarray(networks["teacher"](X, training=False))
    for labels in (Y, {"labels": Y, "teacher_logits": logits}):
        keras.utils.set_random_seed(3)
        student = keras.models.clone_model(networks["student"])
        student.set_weights(start)
        model = distiller(teacher=networks["teacher"], student=student)
        if isinstance(labels, dict):
            model._run_teacher = None  # to call it would be an error
        history = model.fit(X, labels, epochs=3, batch_size=32, shuffle=False, verbose=0).history
        students.append((student.get_weights(), history))
    for first, second in zip(students[0][0], students[1][0], strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)
    for name, values in students[0][1].items():
        np.testing.assert_allclose(values, students[1][1][name], rtol=1e-4)


def test_stored_teacher_logits_decide_the_soft_loss():
    model = distiller()
    logits = RNG.normal(size=(96, 4)).astype("float32")
    labels = {"labels": Y, "teacher_logits": logits}
    got = model.evaluate(X, labels, batch_size=40, verbose=0, return_dict=True)
    wanted = np.mean(kl(logits.astype("float64"), in_float64(model.student), 4.0))
    assert got["soft_loss"] == pytest.approx(wanted, rel=1e-5)
    assert got["accuracy"] == pytest.approx(np.mean(in_float64(model.student).argmax(-1) == Y))


def test_stored_teacher_logits_without_labels():
    model = Distiller(teacher=network(16), student=network(), alpha=0.0)
    model.compile("adam")
    history = model.fit(X, {"teacher_logits": in_float64(model.teacher)}, verbose=0).history
    assert history["hard_loss"] == [0.0]
    assert history["soft_loss"][0] > 0


def test_other_dictionaries_of_labels_are_refused():
    with pytest.raises(UserError, match="'teacher_logits', 'label'; it may have 'labels', 'index'"):
        distiller().fit(X, {"teacher_logits": Y, "label": Y}, verbose=0)
    both = {"teacher_logits": np.zeros((96, 4)), "teacher_probabilities": np.ones((96, 4)) / 4}
    with pytest.raises(UserError, match="both 'teacher_logits' and 'teacher_probabilities'"):
        distiller().fit(X, {"labels": Y, **both}, verbose=0)


def test_stored_logits_of_other_classes_are_refused():
    with pytest.raises(UserError, match="teacher has 3 classes and the student 4"):
        distiller().fit(X, {"labels": Y, "teacher_logits": np.zeros((96, 3))}, verbose=0)


def test_stored_probabilities_are_the_softmax_of_logits():
    model = distiller()
    logits = RNG.normal(size=(96, 4)).astype("float32")
    stored = (
        {"labels": Y, "teacher_logits": logits},
        {"labels": Y, "teacher_probabilities": softmax(logits.astype("float64"), -1)},
    )
    got = [model.evaluate(X, labels, verbose=0, return_dict=True) for labels in stored]
    assert got[0] == pytest.approx(got[1], rel=1e-5)


def test_no_teacher_with_stored_logits_equals_the_live_teacher(tmp_path):
    live = distiller()
    model = Distiller(student=live.student, alpha=0.3)
    model.compile("adam", weighted_metrics=["accuracy"])
    labels = {"labels": Y, "teacher_logits": in_float64(live.teacher)}
    first = live.evaluate(X, Y, verbose=0, return_dict=True)
    assert model.evaluate(X, labels, verbose=0, return_dict=True) == pytest.approx(first, rel=1e-5)
    history = model.fit(X, labels, validation_data=(X, labels), verbose=0).history
    assert history["val_loss"][0] < first["loss"]
    np.testing.assert_allclose(model.predict(X, verbose=0), live.student(X), rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert again.teacher is None
    assert again.evaluate(X, labels, verbose=0) == model.evaluate(X, labels, verbose=0)


@pytest.mark.parametrize("labels", [Y, {"labels": Y, "index": np.arange(96)}])
def test_no_teacher_needs_stored_targets(labels):
    model = Distiller(student=network())
    model.compile("adam")
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        model.fit(X, labels, verbose=0)
    good = {"labels": Y, "teacher_probabilities": np.full((96, 4), 0.25)}
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        model.fit(X, good, validation_data=(X, labels), verbose=0)


def test_no_teacher_and_a_method_of_features():
    with pytest.raises(UserError, match="'fitnet' matches features of the teacher, and there is n"):
        Distiller(student=network(), method="fitnet")


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


class Memory(Method):
    """A bank that remembers each example's teacher logits, and pulls the student towards them."""

    def build(self, teacher, student):
        shape = self.examples, teacher.logits[-1]
        self.bank = self.add_weight(shape, "zeros", trainable=False, name="bank")

    def call(self, teacher, student, batch):
        remembered = keras.ops.take(self.bank, batch.index, axis=0)
        loss = keras.ops.mean((remembered - student.logits) ** 2, axis=-1)
        if batch.training:
            rows = keras.ops.expand_dims(batch.index, -1)
            self.bank.assign(keras.ops.scatter_update(self.bank, rows, teacher.logits))
        return {"memory": loss}


class LeakyMemory(Memory):
    """Assigns in evaluation too, which the distiller undoes."""

    def call(self, teacher, student, batch):
        return super().call(teacher, student, batch._replace(training=True))


@pytest.mark.parametrize("kind", [Memory, LeakyMemory])
@pytest.mark.parametrize("jit", [False, True])
def test_a_memory_bank_changes_in_training_only(kind, jit):
    model = Distiller(teacher=network(16), student=network(), method=kind(), examples=96)
    model.compile("adam", jit_compile=jit)
    labels = {"labels": Y, "index": np.arange(96)[::-1]}
    model.evaluate(X, labels, verbose=0)
    np.testing.assert_array_equal(model.method.bank, np.zeros((96, 4)))
    model.fit(X[:64], {name: each[:64] for name, each in labels.items()}, verbose=0)
    wanted = np.zeros((96, 4))
    wanted[labels["index"][:64]] = in_float64(model.teacher, X[:64])
    np.testing.assert_allclose(model.method.bank, wanted, rtol=1e-4, atol=1e-5)
    losses = model.evaluate(X, labels, verbose=0, return_dict=True)
    soft = np.mean((wanted[labels["index"]] - in_float64(model.student)) ** 2)
    assert losses["soft_loss"] == pytest.approx(soft, rel=1e-4)
    assert "memory" not in losses  # a single part is the soft loss


def test_memory_is_saved_and_loaded(tmp_path):
    keras.saving.register_keras_serializable(package="distill_tests")(Memory)
    model = Distiller(teacher=network(16), student=network(), method=Memory(), examples=96)
    model.compile("adam")
    labels = {"labels": Y, "index": np.arange(96)}
    model.fit(X, labels, verbose=0)
    model.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert again.examples == 96
    np.testing.assert_array_equal(again.method.bank, model.method.bank)
    assert again.evaluate(X, labels, verbose=0) == model.evaluate(X, labels, verbose=0)


@pytest.mark.parametrize("examples", [0, 2.5, True, "96"])
def test_wrong_number_of_examples(examples):
    with pytest.raises(UserError, match=r"examples is .*, and must be the number of training"):
        Distiller(teacher=network(16), student=network(), examples=examples)


def test_a_student_that_insists_on_training_mode_is_not_changed_by_evaluate():
    class Insisting(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization, self.dense = layers.BatchNormalization(), layers.Dense(4)

        def call(self, x):
            return self.dense(self.normalization(x, training=True))

    student = Insisting()
    student(X)
    model = distiller(student=student)
    before = model.get_weights()
    model.evaluate(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_parts_of_a_method_in_replicas(replicas):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(48)
    teacher, student = network(16), network()
    results = []
    for scope in (tf.distribute.get_strategy().scope, replicas.scope):
        with scope():
            models = [keras.models.clone_model(each) for each in (teacher, student)]
            for copy, each in zip(models, (teacher, student), strict=True):
                copy.set_weights(each.get_weights())
            model = distiller(teacher=models[0], student=models[1], method="0.5 * kd + mse_logits")
        results.append(model.evaluate(data, verbose=0, return_dict=True))
    assert {"kd", "mse_logits"} < set(results[0])
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_a_part_with_a_name_of_the_distillers_own():
    class Bad(Method):
        def call(self, teacher, student, batch):
            zero = keras.ops.zeros_like(student.logits[:, 0])
            return {"loss": zero, "other": zero}

    with pytest.raises(UserError, match="a part named 'loss', which the distiller logs itself"):
        distiller(method=Bad()).fit(X, Y, verbose=0)


def test_models_that_share_a_layer_which_is_not_built():
    shared = layers.Dense(4)
    teacher, student = (keras.Sequential([layers.Dense(units), shared]) for units in (8, 8))
    model = distiller(teacher=teacher, student=student)
    with pytest.raises(UserError, match=r"^Teacher and student share weights, so training"):
        model.fit(X, Y, verbose=0)


def test_a_teacher_that_changes_is_found():
    model = distiller()

    class Meddle(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.teacher.layers[0].kernel
            kernel.assign(kernel + 1e-6)

    with pytest.raises(UserError, match=r"weights of the teacher 'sequential.*' changed during"):
        model.fit(X, Y, verbose=0, callbacks=[Meddle()])


def test_a_list_of_callbacks_as_keras_makes_it():
    model, epochs = distiller(), []
    counts = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    callbacks = keras.callbacks.CallbackList([counts], add_history=True)
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    assert epochs == [0, 1]
    assert len(history.history["loss"]) == 2
    model.evaluate(X, Y, verbose=0, callbacks=keras.callbacks.CallbackList([counts]))
    bad = np.full_like(X, np.nan)
    with pytest.raises(UserError, match="The loss became nan at step 1 of epoch 1"):
        model.fit(bad, Y, verbose=0, callbacks=keras.callbacks.CallbackList([counts]))


@pytest.fixture
def _float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")


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


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_errors_within_a_pass_are_one_sentence(call):
    class Probabilities(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = layers.Dense(4, activation="softmax")

        def call(self, x):
            return self.dense(x)

    model = distiller(student=Probabilities())
    with pytest.raises(UserError, match=r"^The student 'own' returns probabilities .*\)\.$"):
        getattr(model, call)(*((X,) if call == "predict" else (X, Y)), verbose=0)


def test_export_is_the_students(tmp_path):
    model = distiller()
    model.export(tmp_path / "student", verbose=False)
    served = tf.saved_model.load(tmp_path / "student")
    np.testing.assert_allclose(
        served.serve(X), model.student(X, training=False), rtol=1e-5, atol=1e-6
    )


def test_alpha_raised_after_the_step_was_traced_without_labels():
    model = Distiller(teacher=network(16), student=network(), alpha=0.0)
    model.compile("adam")
    data = tf.data.Dataset.from_tensor_slices(X).batch(32).map(lambda x: (x,))

    class Raise(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.alpha = 0.5 * epoch

    with pytest.raises(UserError, match=r"alpha is 0.5 and there are no labels"):
        model.fit(data, epochs=2, verbose=0, shuffle=False, callbacks=[Raise()])

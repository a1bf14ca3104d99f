"""Why this package has its own losses and Distiller: mistakes of `keras.distillation`.

Each test first shows that ours is correct, and skips once Keras is correct as well.
"""

import keras
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from distill import Distiller
from distill.methods import kd

peer = pytest.importorskip("keras.distillation", reason="Keras before 3.12 has no distillation")

RNG = np.random.default_rng(0)
TEACHER = RNG.normal(scale=3, size=(64, 10)).astype("float32")
STUDENT = RNG.normal(scale=3, size=(64, 10)).astype("float32")


def ours(teacher, student):
    return float(np.mean(kd(teacher, student, 4.0)))


def theirs(teacher, student):
    loss = peer.LogitsDistillation(temperature=4.0)
    return float(loss.compute_loss(*map(keras.ops.convert_to_tensor, (teacher, student))))


def skip_if_fixed(value, correct, **tolerance):
    if value == pytest.approx(correct, **tolerance):
        pytest.skip(f"Keras {keras.__version__} has fixed this")


def test_value_on_random_logits():
    p, q = (softmax(x.astype("float64") / 4, -1) for x in (TEACHER, STUDENT))
    correct = np.mean(16 * entropy(p, q, axis=-1))
    assert ours(TEACHER, STUDENT) == pytest.approx(correct, rel=1e-6)
    skip_if_fixed(theirs(TEACHER, STUDENT), correct, rel=1e-3)


def test_student_that_is_the_teacher_plus_a_constant():
    assert ours(TEACHER, TEACHER + 100) == pytest.approx(0.0, abs=1e-6)
    skip_if_fixed(theirs(TEACHER, TEACHER + 100), 0.0, abs=1e-3)
    assert theirs(TEACHER, TEACHER + 100) < 0


def test_logits_that_are_all_negative():
    correct = ours(TEACHER, STUDENT)
    shifted = TEACHER - 50, STUDENT - 50
    assert ours(*shifted) == pytest.approx(correct, rel=1e-4)
    skip_if_fixed(theirs(*shifted), correct, rel=1e-3)


def test_evaluate_changes_no_batch_norm_statistic():
    def network():
        inputs = keras.Input((6,))
        x = keras.layers.Dense(8, name="features")(inputs)
        x = keras.layers.BatchNormalization(name="norm")(x)
        return keras.Model(inputs, keras.layers.Dense(10)(x))

    x = RNG.normal(loc=5, size=(64, 6)).astype("float32")
    y = RNG.integers(0, 10, 64)

    def changed(distiller, student):
        before = [np.copy(value) for value in student.get_weights()]
        distiller.evaluate(x, y, verbose=0)
        after = student.get_weights()
        return any(not np.array_equal(*pair) for pair in zip(before, after, strict=True))

    student = network()
    distiller = Distiller(teacher=network(), student=student)
    distiller.compile("adam")
    assert not changed(distiller, student)

    student = network()
    distiller = peer.Distiller(
        network(),
        student,
        [peer.FeatureDistillation(teacher_layer_name="norm", student_layer_name="norm")],
    )
    distiller.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    if not changed(distiller, student):
        pytest.skip(f"Keras {keras.__version__} has fixed this")

"""Relational distillation against loops in float64."""

import keras
import numpy as np
from method_tools import gradient_of_features, losses, outputs
from scipy.spatial.distance import cdist

from distill.methods import RKD


def huber(difference):
    size = np.abs(difference)
    return np.where(size < 1, size**2 / 2, size - 0.5)


def distances(features):
    points = features.reshape(len(features), -1).astype("float64")
    found = cdist(points, points)
    return found / found[found > 0].mean()


def angle(points, i, j, k):
    if i in (j, k):
        return 0.0
    first, second = points[j] - points[i], points[k] - points[i]
    return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


def test_equals_float64_formula():
    teacher, student = outputs((4, 4, 6)), outputs((9,), seed=1)
    got = losses(RKD(distance_weight=2.0, angle_weight=3.0), teacher, student)
    t, s = (each.features[0].reshape(4, -1).astype("float64") for each in (teacher, student))
    for i in range(4):
        wanted = np.mean(huber(distances(t)[i] - distances(s)[i]))
        np.testing.assert_allclose(got["distance"][i], 2 * wanted, rtol=1e-4)
        pairs = [(j, k) for j in range(4) for k in range(4)]
        wanted = np.mean([huber(angle(t, i, j, k) - angle(s, i, j, k)) for j, k in pairs])
        np.testing.assert_allclose(got["angle"][i], 3 * wanted, rtol=1e-4)


def test_a_turned_moved_and_scaled_space_has_no_loss():
    teacher = outputs((6,))
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0].astype("float32")
    student = teacher._replace(features=(5 * teacher.features[0] @ turn + 2,))
    for values in losses(RKD(), teacher, student).values():
        np.testing.assert_allclose(values, 0, atol=1e-4)


def test_equal_examples_have_finite_gradients():
    teacher = outputs((6,))
    same = teacher._replace(features=(np.ones_like(teacher.features[0]),))
    assert np.all(np.isfinite(gradient_of_features(RKD(), teacher, same)))


def test_both_weights_are_saved():
    config = keras.saving.serialize_keras_object(RKD("a", "b", 1.0, 2.0))
    again = keras.saving.deserialize_keras_object(config)
    assert (again.distance_weight, again.angle_weight, again.teacher_layers) == (1.0, 2.0, ("a",))

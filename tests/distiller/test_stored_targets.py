"""Stored outputs of the teacher, with and without the teacher itself."""

import keras
import numpy as np
import pytest
from scipy.special import softmax
from small_distillers import RNG, X, Y, distiller, in_float64, kl, network

from distill.distiller import Distiller
from distill.errors import UserError


def test_stored_teacher_logits_train_like_the_teacher_itself():
    """Same start, same batches: the same student, without one pass of the teacher."""
    students, networks = [], {"teacher": network(16, dropout=0.5), "student": network(dropout=0.2)}
    start = networks["student"].get_weights()
    logits = np.asarray(networks["teacher"](X, training=False))
    for labels in (Y, {"labels": Y, "teacher_logits": logits}):
        keras.utils.set_random_seed(3)
        student = keras.models.clone_model(networks["student"])
        student.set_weights(start)
        model = distiller(teacher=networks["teacher"], student=student, compiled=True)
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
    model.compile("adam", run_eagerly=True)
    history = model.fit(X, {"teacher_logits": in_float64(model.teacher)}, verbose=0).history
    assert history["hard_loss"] == [0.0]
    assert history["soft_loss"][0] > 0


def test_other_dictionaries_of_labels_are_refused():
    with pytest.raises(UserError, match="'label', 'teacher_logits'; it may have 'labels', 'index'"):
        distiller().fit(X, {"label": Y, "teacher_logits": Y}, verbose=0)
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
    model.compile("adam", weighted_metrics=["accuracy"], run_eagerly=True)
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
    model.compile("adam", run_eagerly=True)
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        model.fit(X, labels, verbose=0)
    good = {"labels": Y, "teacher_probabilities": np.full((96, 4), 0.25)}
    with pytest.raises(UserError, match="has no teacher, so the labels must be a dictionary"):
        model.fit(X, good, validation_data=(X, labels), verbose=0)


def test_no_teacher_and_a_method_of_features():
    with pytest.raises(UserError, match="'fitnet' matches features of the teacher, and there is n"):
        Distiller(student=network(), method="fitnet")

"""Models of a run: the same for training, check and trial, and students that start alike."""

import numpy as np
import pytest

from distill import Distiller
from distill.training.building import build


def weights(model):
    return getattr(model, "student", model).get_weights()


def test_baseline_and_distilled_student_start_alike(trained, tiny, tmp_path):
    baseline, distilled = (trained.spec(role, tiny, tmp_path) for role in ("baseline", "distilled"))
    started = [build(baseline, {}), build(distilled, {trained.teacher.key: trained.teacher})]
    assert isinstance(started[1], Distiller)
    assert started[1].examples == 1294
    for first, second in zip(*map(weights, started), strict=True):
        np.testing.assert_array_equal(first, second)
    images = np.zeros((1, 8, 8, 1), "float32")
    expected = trained.teacher.load_model()(images)
    np.testing.assert_array_equal(started[1].teacher(images), expected)


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_without_inputs_models_like_theirs_take_their_place(role, trained, tiny, tmp_path):
    spec = trained.spec(role, tiny, tmp_path)
    trial, real = build(spec), build(spec, {trained.teacher.key: trained.teacher})
    assert type(trial) is type(real)
    assert [each.shape for each in trial.weights] == [each.shape for each in real.weights]


def test_a_student_that_sees_smaller_images_than_its_teacher(trained, tiny, tmp_path):
    smaller = tiny.with_values({"student.image_size": 4})
    student = trained.train("distilled", smaller, tmp_path).load_model()
    assert student.input_shape == (None, 8, 8, 1)
    assert student.get_layer("hidden1").kernel.shape == (16, 8)


def test_a_student_trained_for_int8_is_saved_without_it(trained, tiny, tmp_path):
    int8 = tiny.with_values({"student.quantisation": "int8"})
    run = trained.train("distilled", int8, tmp_path)
    assert run.metrics["parameters"] == trained.distilled.metrics["parameters"]
    assert b"distill" not in run.model_file.read_bytes()
    assert not np.array_equal(
        run.load_model().get_weights()[0], weights(trained.distilled.load_model())[0]
    )

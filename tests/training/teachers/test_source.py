"""The default source, and a further one that a test defines."""

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.experiments.execution import execute
from distill.models import build_model
from distill.training import teachers
from distill.training.data import data_of
from distill.training.teachers import TeacherSource, source_of, teacher_of
from distill.training.train import train


def test_without_a_source_the_teacher_is_trained(tiny):
    source = source_of(tiny)
    assert type(source) is TeacherSource
    assert type(teacher_of(tiny)) is TeacherSource
    assert source.trains
    assert source.name(tiny) == "cnn"
    assert source.inputs(tiny) == []
    assert source.identity(tiny, []) == {}
    data = data_of(tiny)
    expected = build_model("cnn", (8, 8, 1), 10, filters=4, dense=16).count_params()
    for model in (source.validate(tiny, data), source.build(tiny, data, [])):
        assert model.count_params() == expected


def test_a_model_that_cannot_be_built_is_refused(tiny):
    recipe = tiny.with_values({"teacher.options.x": 1})
    with pytest.raises(UserError, match="no option 'x'"):
        source_of(recipe).validate(recipe, data_of(recipe))


class Centroids(TeacherSource):
    """A teacher that is computed: the logit of a class is minus the distance from its mean."""

    trains = False
    is_seeded = False

    @staticmethod
    def is_asked_for(recipe):
        return recipe.teacher.model == "centroids"

    def identity(self, recipe, inputs):
        return {"source": "centroids"}

    def validate(self, recipe, data):
        if data.classes > 10:
            raise UserError("Centroids are for ten classes or fewer; choose other data.")
        return self.build(recipe, data, [])

    def build(self, recipe, data, inputs):
        labels = data.train.labels
        images = data.train.images.reshape(len(labels), -1) / 255.0
        means = np.stack([images[labels == each].mean(axis=0) for each in range(data.classes)])
        layers = [keras.layers.Flatten(), keras.layers.Rescaling(1 / 255)]
        model = keras.Sequential([keras.Input(data.image_shape), *layers])
        model.add(keras.layers.Dense(data.classes))
        # −|x − m|² = 2 m·x − |m|² − |x|², and |x|² is the same for all classes.
        model.set_weights([2 * means.T, -np.sum(means**2, axis=1)])
        return model


def test_another_source_is_a_class_and_an_entry(tiny, plan, monkeypatch):
    monkeypatch.setattr(teachers, "SOURCES", (Centroids, *teachers.SOURCES))
    values = {"teacher.model": "centroids", "experiment.seeds": 2, "training.epochs": 2}
    planned = plan(tiny.with_values(values))
    (point,) = planned.points
    first, second = point.runs["teacher"]
    assert first == second  # another seed makes no other teacher
    roles = [spec.role for spec in planned.specs.values()]
    assert roles == ["teacher", *["baseline", "distilled"] * 2]
    specs = [planned.specs[first], planned.specs[point.runs["distilled"][1]]]
    teacher, distilled = execute(specs, train)
    assert teacher.folder.name.startswith("teacher-centroids-seed0-")
    assert teacher.metrics["seconds"] == 0.0
    assert teacher.metrics["last"]["test"]["accuracy"] > 0.85
    assert distilled.settings()["identity"]["teacher"] == teacher.key
    assert train(planned.specs[first], {}).reused
    soft = distilled.history()["soft_loss"]
    assert soft[-1] < soft[0]


def test_another_source_refuses_what_it_cannot_make(tiny, plan, monkeypatch):
    def refuse(self, recipe, data):
        raise UserError("There are no centroids today; choose another teacher.")

    monkeypatch.setattr(Centroids, "validate", refuse)
    monkeypatch.setattr(teachers, "SOURCES", (Centroids, *teachers.SOURCES))
    with pytest.raises(UserError, match="no centroids today"):
        plan(tiny.with_values({"teacher.model": "centroids"}))

"""A teacher from a file: measured, never trained, refused by name if it cannot teach."""

import dataclasses
import shutil

import keras
import pytest

from distill.errors import UserError
from distill.experiments.execution import execute
from distill.files import file_hash
from distill.runs import taught_by
from distill.training.train import check_distillation, train


def save(path, shape=(8, 8, 1), classes=10, **options):
    last = keras.layers.Dense(classes, **options)
    keras.Sequential([keras.Input(shape), keras.layers.Flatten(), last]).save(path)
    return path


def with_file(recipe, path):
    return recipe.with_values({"teacher.file": str(path), "training.epochs": 1})


def test_it_is_measured_and_stays_where_it_is(trained, tiny, plan, tmp_path):
    path = tmp_path / "own.keras"
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Softmax()(trained.teacher.load_model()(inputs))).save(path)
    before = file_hash(path)
    planned = plan(with_file(tiny, path).with_values({"experiment.seeds": 2}))
    (point,) = planned.points
    first, second = point.runs["teacher"]
    assert first == second  # a file has no seed
    assert planned.specs[first].title == "teacher"
    assert planned.specs[first].identity["file"] == before
    specs = [planned.specs[first], planned.specs[point.runs["distilled"][1]]]
    run, distilled = execute(specs, train)
    assert run.model_file == path
    assert file_hash(path) == before
    expected = trained.teacher.metrics["last"]["test"]
    assert run.metrics["last"]["test"] == pytest.approx(expected, rel=1e-4)
    assert not list(tmp_path.glob("digits/teacher*/*.keras"))
    assert taught_by(distilled) == dataclasses.replace(run, reused=True)
    assert len(planned.specs) == 1 + 2 * 2


def test_another_file_is_another_teacher(tiny, plan, tmp_path):
    path = save(tmp_path / "own.keras")
    first = plan(with_file(tiny, path)).points[0].runs
    save(path)  # other random weights
    second = plan(with_file(tiny, path)).points[0].runs
    assert first["teacher"] != second["teacher"]
    assert first["distilled"] != second["distilled"]
    assert first["baseline"] == second["baseline"]


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "folder"])
def test_a_damaged_file_is_refused(damage, trained, tiny, plan, tmp_path):
    path = tmp_path / "own.keras"
    if damage == "truncated":
        shutil.copy(trained.teacher.model_file, path)
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "text":
        path.write_text("not a model")
    elif damage == "folder":
        path.mkdir()
    with pytest.raises(UserError, match=r"own\.keras"):
        plan(with_file(tiny, path))


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((8, 8, 1), 7, "The teacher has 7 classes and the student 10"),
        ((9, 9, 3), 10, r"takes inputs of shape \(9, 9, 3\), and the images have shape"),
        ((64,), 10, r"takes inputs of shape \(64,\), and the images have shape"),
    ],
)
def test_other_classes_or_inputs_are_refused(shape, classes, message, tiny, plan, tmp_path):
    path = save(tmp_path / "own.keras", shape, classes)
    with pytest.raises(UserError, match=message):
        plan(with_file(tiny, path))


def test_two_inputs_are_refused(tiny, plan, tmp_path):
    path = tmp_path / "own.keras"
    inputs = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(keras.layers.Add()(inputs)))
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(UserError, match=r"own\.keras"):
        plan(with_file(tiny, path))


def test_a_teacher_at_chance_is_found_before_distillation(tiny, plan, tmp_path):
    path = save(tmp_path / "untrained.keras", kernel_initializer="zeros")
    planned = plan(with_file(tiny, path))
    teacher, _, distilled = planned.specs.values()
    with pytest.raises(UserError, match="no better than always predicting the most frequent class"):
        check_distillation(distilled, train(teacher, {}))

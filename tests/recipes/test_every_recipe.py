"""Every recipe but digits, which other tests run, trains its models on a folder of few photos.

MobileNetV2 and its relative, which have tests of their own, are replaced by networks that take a
second to build, but for one student.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from distill.experiments.execution import execute
from distill.experiments.grid import fixed
from distill.experiments.plan import make_plan
from distill.experiments.studies import studies_of
from distill.models import MODELS
from distill.models.cnn import cnn
from distill.recipes import RECIPE_STUDIES, RECIPES
from distill.runs import Run
from distill.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
MAIN = ("teacher", "baseline", "distilled")
# They make a run short and change nothing else about it.
SHORT = {
    "training.epochs": 1,
    "teacher.training.epochs": 1,
    "training.batch_size": 32,
    "data.include": (),
    "data.image_size": 32,
    "experiment.seeds": 1,
}

PLAIN = {"training.augmentation": (), "training.translation": 0}


def small(input_shape, classes, width=1.0, expansion=4):
    return cnn(input_shape, classes, filters=max(2, round(4 * width)), dense=4 * expansion)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three classes of 20 photos, each with its own brightness."""
    folder, random = tmp_path_factory.mktemp("data") / "photos", np.random.default_rng(0)
    for number in range(3):
        (folder / f"kind{number}").mkdir(parents=True)
        for index in range(20):
            pixels = random.integers(0, 100, (40, 36, 3)) + 70 * number
            Image.fromarray(pixels.astype("uint8")).save(folder / f"kind{number}" / f"{index}.png")
    return folder


@pytest.fixture(autouse=True)
def eagerly():
    """Without tracing, which takes longer than the few steps that these runs have."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def shortened(photos, monkeypatch):
    """Makes all recipes short."""
    for name, recipe in RECIPES.items():
        changed = recipe.with_values({**SHORT, "data.name": str(photos)})
        monkeypatch.setitem(RECIPES, name, changed)


@pytest.fixture
def small_networks(monkeypatch):
    for name in ("mobilenet_v2", "overlapping_mobilenet_v2"):
        monkeypatch.setitem(MODELS, name, small)


def run(name, folder, variants=MAIN):
    """The runs of an experiment without its report, which other tests write."""
    specs = make_plan(RECIPES[name], [], variants, folder).specs
    runs = list(execute(specs.values(), train))
    assert all(isinstance(run, Run) for run in runs), runs
    assert {run.role.value for run in runs} == set(variants)


# One of each kind. Those that are left out differ from one of these in numbers or in their data,
# or train as the pretraining of one.
TRAINED = ("few-labels", "mnist-linear", "mnist-hinton", "flowers", "caltech-small", "imagenette")


@pytest.mark.parametrize("name", TRAINED)
def test_a_short_run(name, shortened, small_networks, tmp_path):
    run(name, tmp_path)


@pytest.mark.parametrize("name", sorted({*RECIPES} - {*TRAINED, "digits"}))
def test_the_others_can_be_planned(name, shortened, small_networks, tmp_path):
    assert len(make_plan(RECIPES[name], [], MAIN, tmp_path).specs) >= len(MAIN)


def test_a_short_run_of_a_real_network(shortened, monkeypatch, tmp_path):
    monkeypatch.setitem(RECIPES, "real", RECIPES["caltech-small"].with_values(PLAIN))
    run("real", tmp_path, ["baseline"])


STUDIES = [(name, study) for name, studies in RECIPE_STUDIES.items() for study in studies]


@pytest.mark.parametrize(("name", "study"), STUDIES)
def test_every_study_of_a_source_can_be_planned(name, study, shortened, small_networks, tmp_path):
    axes = studies_of(name)[study].axes(RECIPES[name])
    if {"data.student_exclude", "data.student_include"} & {axis.field for axis in axes}:
        pytest.skip("names classes of its own data")
    recipe, axes = fixed(RECIPES[name], axes)
    assert len(make_plan(recipe, axes, MAIN, tmp_path).specs) >= 2 + len(axes)


@pytest.mark.parametrize(("name", "width"), [("imagenette", 0.5), ("imagenette-small", 0.35)])
def test_an_assistants_width_lies_between_teacher_and_student(
    name, width, shortened, small_networks, tmp_path
):
    recipe, axes = fixed(RECIPES[name], studies_of(name)["assistant"].axes(RECIPES[name]))
    assert recipe.student.options["width"] < width
    assert width < recipe.teacher.options["width"]
    specs = make_plan(recipe, axes, MAIN, tmp_path).specs.values()
    options = [spec.recipe.student.options for spec in specs if spec.is_distilled]
    assert options.count({"width": width}) == 1

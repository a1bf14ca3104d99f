"""Every recipe but digits, which other tests run, trains its models on a folder of few photos.

MobileNetV2 and its relative, which have tests of their own, are replaced by networks that take a
second to build, but for one student.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from distill.experiments.execution import run_here, run_task
from distill.experiments.grid import fixed
from distill.experiments.plan import make_plan
from distill.experiments.studies import studies_of
from distill.models import MODELS
from distill.models.cnn import cnn
from distill.recipes import RECIPE_STUDIES, RECIPES

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
ARMS = ("teacher", "student", "distilled")
# What makes a run short, and nothing of what it consists.
SHORT = {"epochs": 1, "teacher_epochs": 1, "batch_size": 32, "classes": (), "seeds": 1}


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
        changed = dataclasses.replace(recipe, dataset=str(photos), image_size=32, **SHORT)
        monkeypatch.setitem(RECIPES, name, changed)


@pytest.fixture
def small_networks(monkeypatch):
    for name in ("mobilenet_v2", "overlapping_mobilenet_v2"):
        monkeypatch.setitem(MODELS, name, small)


def run(name, folder, arms=ARMS):
    """Runs of the main job, without its report, which other tests make."""
    tasks = make_plan(RECIPES[name], [], arms, folder).tasks
    runs = list(run_here(tasks.values(), lambda *now: run_task(*now, folder, fresh=False)))
    assert [run.role for run in runs] == [task.role for task in tasks.values()], runs
    assert {run.role for run in runs} == set(arms)


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "digits"])
def test_a_short_run(name, shortened, small_networks, tmp_path):
    run(name, tmp_path)


def test_a_short_run_of_a_real_network(shortened, tmp_path):
    run("caltech-small", tmp_path, ["student"])


STUDIES = [(name, study) for name, studies in RECIPE_STUDIES.items() for study in studies]


@pytest.mark.parametrize(("name", "study"), STUDIES)
def test_every_study_of_a_source_can_be_planned(name, study, shortened, small_networks, tmp_path):
    axes = studies_of(name)[study].axes(RECIPES[name])
    if {"omitted_classes", "kept_classes"} & {axis.field for axis in axes}:
        pytest.skip("names classes of its own data")
    recipe, axes = fixed(RECIPES[name], axes)
    tasks = make_plan(recipe, axes, ARMS, tmp_path).tasks
    assert len(tasks) >= 2 + len(axes)


@pytest.mark.parametrize(("name", "width"), [("imagenette", 0.5), ("imagenette-small", 0.35)])
def test_an_assistant_lies_between_teacher_and_student(
    name, width, shortened, small_networks, tmp_path
):
    recipe, axes = fixed(RECIPES[name], studies_of(name)["assistant"].axes(RECIPES[name]))
    assert recipe.student_options["width"] < width
    assert width < recipe.teacher_options["width"]
    tasks = make_plan(recipe, axes, ARMS, tmp_path).tasks.values()
    options = [task.recipe.student_options for task in tasks if task.role == "distilled"]
    assert options.count({"width": width}) == 1

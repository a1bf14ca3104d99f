"""Teachers of more than one stage: ensembles, pretraining, assistants, born-again generations."""

import dataclasses

import keras
import numpy as np
import pytest

from distill.errors import UserError
from distill.experiments.arms import MODELS
from distill.experiments.plan import make_plan
from distill.preparation import data_of, transfer_set
from distill.recipes import RECIPES
from distill.run_folder import open_run, taught_by

BEFORE = {"name": "before", "classes": tuple("56789"), "epochs": 1, "teacher_shift": 1}
AFTER = {"name": "after", "classes": tuple("01234"), "teacher_pretraining": "before"}


@pytest.fixture
def recipes(changed, monkeypatch):
    monkeypatch.setitem(RECIPES, "before", changed(**BEFORE))


def test_no_two_ensembles_share_a_teacher(changed, tmp_path):
    plan = make_plan(changed(teachers=3), [], tuple(MODELS), tmp_path)
    members = [[plan.tasks[part].recipe.seed for part in plan.tasks[folder].parts]
               for folder in plan.cells[0]["teacher"]]  # fmt: skip
    assert members == [[0, 1, 2], [3, 4, 5]]
    assert all("ensemble" in folder.name for folder in plan.cells[0]["teacher"])
    for folder in plan.cells[0]["distilled"]:
        assert plan.tasks[folder].teacher in plan.cells[0]["teacher"]


def test_an_ensembles_teachers_are_those_of_the_plain_recipe(changed, tmp_path):
    plain = make_plan(changed(seeds=3), [], ("teacher",), tmp_path)
    ensemble = make_plan(changed(seeds=1, teachers=3), [], ("teacher",), tmp_path)
    assert set(plain.tasks) < set(ensemble.tasks)


def test_a_student_learns_from_the_assistant(changed, tmp_path):
    recipe = changed(seeds=1, assistant="mlp", assistant_options={"hidden": 16, "depth": 1})
    plan = make_plan(recipe, [], tuple(MODELS), tmp_path)
    teacher, _, distilled = (plan.cells[0][arm][0] for arm in MODELS)
    assistant = plan.tasks[distilled].teacher
    assert plan.tasks[assistant].teacher == teacher
    assert plan.tasks[assistant].recipe.student_options == {"hidden": 16, "depth": 1}
    assert plan.tasks[distilled].recipe.student_options == recipe.student_options
    # The same run as when the assistant is distilled for its own sake.
    alone = make_plan(
        changed(seeds=1, student_options={"hidden": 16, "depth": 1}), [], tuple(MODELS), tmp_path
    )
    assert alone.cells[0]["distilled"][0] == assistant


def test_generations_go_back_to_the_teacher(changed, tmp_path):
    plan = make_plan(changed(seeds=1, generations=3), [], tuple(MODELS), tmp_path)
    chain = [plan.cells[0]["distilled"][0]]
    while plan.tasks[chain[-1]].teacher is not None:
        chain.append(plan.tasks[chain[-1]].teacher)
    assert [plan.tasks[folder].label for folder in chain] == [
        "student distilled, seed 0", "generation 2, seed 0", "generation 1, seed 0",
        "teacher, seed 0",
    ]  # fmt: skip
    first = make_plan(changed(seeds=1), [], tuple(MODELS), tmp_path).cells[0]["distilled"][0]
    assert chain[2] == first


def test_a_teacher_is_pretrained_with_the_same_seed(changed, recipes, tmp_path):
    plan = make_plan(changed(**AFTER), [], tuple(MODELS), tmp_path)
    for folder in plan.cells[0]["teacher"]:
        (part,) = plan.tasks[folder].parts
        assert plan.tasks[part].recipe.name == "before"
        assert plan.tasks[part].label.startswith("teacher of before, seed")
        assert plan.tasks[part].recipe.seed == plan.tasks[folder].recipe.seed
    plain = make_plan(changed(classes=tuple("01234")), [], ("teacher",), tmp_path)
    assert not set(plan.cells[0]["teacher"]) & set(plain.tasks)


def test_pretraining_on_images_of_another_size_is_refused(changed, recipes, tmp_path):
    with pytest.raises(UserError, match=r"of shape .8, 8, 1., and those of digits have shape .16"):
        make_plan(changed(**AFTER, image_size=16), [], tuple(MODELS), tmp_path)


def test_a_pretrained_teacher_is_the_one_that_its_recipe_names(changed, recipes, tmp_path):
    with pytest.raises(UserError, match=r"teacher is 'mlp', and must be 'cnn', as in .*'before'"):
        make_plan(changed(**AFTER, teacher="mlp", teacher_options={}), [], ("teacher",), tmp_path)
    with pytest.raises(UserError, match=r"teacher_options is .'filters': 3., and must be"):
        make_plan(changed(**AFTER, teacher_options={"filters": 3}), [], ("teacher",), tmp_path)


def test_images_of_another_set_join_the_transfer_set(changed, tmp_path):
    recipe = changed(transfer_images=("own", "digits"), label_fraction=1.0)
    own, joined = transfer_set(changed(label_fraction=1.0)), transfer_set(recipe)
    assert len(joined) == 2 * len(own)
    np.testing.assert_array_equal(joined.labels[: len(own)], own.labels)
    assert set(joined.labels[len(own) :]) == {-1}
    np.testing.assert_array_equal(joined.images[len(own) :], own.images)
    plans = [make_plan(each, [], tuple(MODELS), tmp_path).cells[0] for each in (recipe, changed())]
    assert plans[0]["teacher"] == plans[1]["teacher"]
    assert not set(plans[0]["distilled"]) & set(plans[1]["distilled"])


def test_pretraining_ensemble_and_assistant_really_run(changed, recipes, run_small, tmp_path):
    recipe = changed(**AFTER, seeds=1, teachers=2, assistant="mlp",
                     assistant_options={"hidden": 16, "depth": 1})  # fmt: skip
    experiment, printed = run_small(recipe, tmp_path, axes=(), arms=tuple(MODELS))
    assert not experiment.failures, printed
    (cell,) = experiment.results.cells
    (ensemble,), (distilled,) = cell.runs["teacher"], cell.runs["distilled"]
    images = data_of(recipe).test.images.astype("float32")
    tasks = make_plan(recipe, [], tuple(MODELS), tmp_path).tasks
    tuned = [open_run(folder) for folder in tasks[ensemble.folder].parts]
    before = [open_run(tasks[run.folder].parts[0]) for run in tuned]
    assert [len(run.load_model().trainable_weights) for run in tuned] == [2, 2]
    mean = np.mean([run.load_model()(images).numpy() for run in tuned], axis=0)
    np.testing.assert_allclose(ensemble.load_model()(images).numpy(), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ensemble.predictions("last", "test"), mean, rtol=1e-4, atol=1e-5)
    for run, pretrained in zip(tuned, before, strict=True):  # frozen is bit for bit as it was
        kept, was = (each.load_model().get_weights()[:-2] for each in (run, pretrained))
        assert all(map(np.array_equal, kept, was))
    assert distilled.metrics["last"]["test"]["accuracy"] > 0.3
    _, printed = run_small(recipe, tmp_path, axes=(), arms=tuple(MODELS))
    assert "trained first" not in printed
    assert printed.count("reused") == 8  # 2 + 2 + 1 teachers, assistant, two students


def test_a_generation_is_taught_by_the_student_before(changed, run_small, tmp_path):
    recipe = changed(seeds=1, generations=2, alpha=0.0, label_fraction=1.0)
    experiment, printed = run_small(recipe, tmp_path, axes=(), arms=tuple(MODELS))
    assert not experiment.failures, printed
    (second,) = experiment.results.cells[0].runs["distilled"]
    before = taught_by(second)
    first = dataclasses.replace(recipe, generations=1)
    assert [before.folder] == make_plan(first, [], tuple(MODELS), tmp_path).cells[0]["distilled"]
    assert taught_by(before).role == "teacher"
    # Two teachers gave soft targets: the first, and the first generation.
    assert len(list((before.folder.parent / "soft_targets").iterdir())) == 2
    student = keras.saving.load_model(second.model_file)
    assert student.count_params() == before.metrics["parameters"]

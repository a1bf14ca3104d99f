"""Specs: a run is found by everything that its result depends on, and by nothing else."""

import dataclasses
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from distill.data import DATASETS, Split, load_digits
from distill.methods import METHODS, Method, kd
from distill.recipes import Recipe, effects_of
from distill.recipes.recipe import Data, Training
from distill.runs import Role
from distill.training.spec import make_spec, needs_of, settings_of, training_of

BASE = Recipe(
    name="base",
    data=Data(noise=0.5),
    training=Training(schedule="warm_restarts", schedule_epochs=2.0, schedule_floor=0.1),
)
TRAINING = {
    "optimizer": "sgd",
    "optimizer_options": {"weight_decay": 0.1},
    "learning_rate": 0.5,
    "schedule": "cosine",
    "schedule_epochs": 3.0,
    "schedule_floor": 0.2,
    "warmup_epochs": 1.0,
    "epochs": 7,
    "batch_size": 16,
    "translation": 1,
    "augmentation": ("flip",),
    "precision": "mixed_bfloat16",
}
# Another value for each setting, and other settings without which it would have no effect.
OTHER = {
    "name": "other",
    "data.name": "inverted",
    "data.image_size": 16,
    "data.include": ("0", "1", "2"),
    "data.exclude": ("9",),
    "data.label_fraction": 0.5,
    "data.student_exclude": ("3",),
    "data.student_include": ("3", "4"),
    "data.transfer_images": ("own", "digits"),
    "data.noise": 0.25,
    "data.noise_kind": "pixels",
    "teacher.model": "mlp",
    "teacher.options": {"filters": 3},
    "teacher.file": "own.keras",
    "teacher.predictions": "own.csv",
    "teacher.pretraining": "digits",
    "teacher.ensemble": 2,
    "student.model": "linear_student",
    "student.options": {"hidden": 9},
    "student.file": "own.keras",
    "student.start": "random",
    "student.image_size": 4,
    "student.quantisation": "int8",
    "student.label_smoothing": 0.1,
    "distillation.method": "mse_logits",
    "distillation.options": {"weight": 2.0},
    "distillation.alpha": 0.5,
    "distillation.temperature": 2.0,
    "distillation.soft_targets": "shuffled",
    "distillation.views": 4,
    "distillation.assistant": "mlp",
    "distillation.assistant_options": {"hidden": 9},
    "distillation.generations": 2,
    "experiment.seeds": 3,
    "experiment.first_seed": 1,
    "experiment.folds": 3,
    "experiment.report_checkpoint": "best",
    "experiment.learning_rates": (0.1, 0.2),
    "experiment.export": ("onnx",),
    "experiment.max_params": 5,
    "experiment.max_latency_ms": 5.0,
    **{
        f"{section}.{name}": value
        for section in ("training", "teacher.training", "student.baseline")
        for name, value in TRAINING.items()
    },
}
NEEDED = {
    "distillation.assistant_options": {"distillation.assistant": "mlp"},
    "distillation.views": {"training.translation": 1},
    "student.start": {"student.file": "own.keras"},
}
# They decide how a folder loads. The data's fingerprint tells which images are in which split.
WITHOUT_IDENTITY = {"data.unreadable", "data.split"}


@pytest.fixture
def inverted(monkeypatch):
    """A second data set: digits, white on black."""

    def load():
        data = load_digits()
        splits = {name: getattr(data, name) for name in ("train", "validation", "test")}
        changed = {name: Split(255 - each.images, each.labels) for name, each in splits.items()}
        return dataclasses.replace(data, name="inverted", **changed)

    monkeypatch.setitem(DATASETS, "inverted", load)


def resolve(role, recipe):
    """The spec of a run, with the runs that it needs."""
    needs = needs_of(role, recipe)
    teacher = needs.teacher and resolve(needs.teacher.role, needs.teacher.recipe)
    made_from = [resolve(each.role, each.recipe) for each in needs.made_from]
    return make_spec(role, recipe, Path("runs"), teacher, made_from)


def identities(recipe):
    return {role.value: resolve(role, recipe).identity for role in Role}


def own_part(identity):
    """An identity without the teacher's key, through which a distilled student has its teacher."""
    return {name: value for name, value in identity.items() if name != "teacher"}


def test_every_setting_has_another_value():
    assert set(OTHER) | WITHOUT_IDENTITY == set(effects_of(Recipe))


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_counts_for_the_roles_that_it_is_marked_with(
    name, inverted, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]).save("own.keras")
    before = BASE.with_values(NEEDED.get(name, {}))
    after = before.with_values({name: OTHER[name]})
    assert after.value(name) != before.value(name)
    old, new = identities(before), identities(after)
    effect = effects_of(Recipe)[name]
    through_teacher = effect.through == "the teacher's key"
    part = dict if through_teacher else own_part
    changed = {role for role in old if part(old[role]) != part(new[role])}
    assert changed == effect.roles
    taught_otherwise = old["distilled"]["teacher"] != new["distilled"]["teacher"]
    assert taught_otherwise == (through_teacher or "teacher" in effect.roles)


def test_the_key_is_the_folders_and_depends_on_the_identity_alone(trained, tiny, tmp_path):
    for role, run in (("teacher", trained.teacher), ("distilled", trained.distilled)):
        spec = trained.spec(role, tiny, tmp_path)
        assert spec.folder.name == run.folder.name
        assert spec.folder.name.endswith(f"-seed0-{spec.key}")
        assert spec.key == run.key
        assert dataclasses.replace(spec, title="other").key == spec.key


def test_specs_and_runs_are_pickled_by_the_standard_library(trained, tiny, tmp_path):
    for role in Role:
        spec = trained.spec(role.value, tiny, tmp_path)
        assert pickle.loads(pickle.dumps(spec)) == spec
    assert pickle.loads(pickle.dumps(trained.distilled)) == trained.distilled


def test_what_a_schedule_does_not_use_makes_no_other_run():
    found = [
        settings_of(Role.BASELINE, Recipe().with_values(values))
        for values in (
            {},
            {"training.schedule_floor": 0.5},
            {"training.schedule_epochs": 3.0},
            {"training.schedule": "cosine"},
            {"training.schedule": "cosine", "training.schedule_floor": 0.5},
        )
    ]
    assert found[0] == found[1] == found[2]
    assert found[3] not in (found[0], found[4])


def test_a_kind_of_noise_without_noise_makes_no_other_run():
    quiet = Recipe().with_values({"data.noise_kind": "pixels"})
    assert settings_of(Role.DISTILLED, quiet) == settings_of(Role.DISTILLED, Recipe())


def test_classes_by_name_or_number_in_any_order_are_the_same_run(tiny, tmp_path):
    first, second, third = (
        make_spec(
            Role.BASELINE, tiny.with_values({"data.student_exclude": names}), tmp_path
        ).identity
        for names in (("3", "5"), ("5", "3", "3"), ("3",))
    )
    assert first == second != third


def test_an_identity_is_the_same_after_it_was_written_and_read(tiny, tmp_path):
    """JSON has lists only."""
    values = {
        "distillation.method": "fitnet",
        "distillation.options": {"teacher_layers": ("dense",), "student_layers": ("hidden1",)},
    }
    as_lists = {"teacher_layers": ["dense"], "student_layers": ["hidden1"]}
    for recipe in (
        tiny.with_values(values),
        tiny.with_values({**values, "distillation.options": as_lists}),
    ):
        settings = resolve(Role.DISTILLED, recipe).identity["settings"]
        assert settings["distillation.options"] == as_lists


def test_numbers_of_numpy_make_the_same_run(tiny, tmp_path):
    first, second = (
        make_spec(Role.BASELINE, tiny.with_values({"student.options.hidden": number}), tmp_path)
        for number in (np.int64(9), 9)
    )
    assert first.key == second.key


def test_a_changed_method_in_a_sum_of_methods_is_another_run(tiny, monkeypatch):
    keys = []
    for factor in (1.0, 2.0):

        class Scaled(Method):
            __module__ = "__main__"

            def call(self, teacher, student, batch, factor=factor):
                return {"scaled": factor * kd(teacher.logits, student.logits, batch.temperature)}

        monkeypatch.setitem(METHODS, "scaled", Scaled)
        recipe = tiny.with_values({"distillation.method": "kd + 0.5 * scaled"})
        keys.append(resolve(Role.DISTILLED, recipe).key)
    assert keys[0] != keys[1]


def test_roles_have_their_own_training_settings():
    recipe = Recipe(training=Training(epochs=4, learning_rate=0.01, augmentation=("flip",)))
    recipe = recipe.with_values(
        {
            "teacher.training.epochs": 7,
            "teacher.training.learning_rate": 0.5,
            "teacher.training.translation": 2,
            "teacher.training.augmentation": (),
            "student.baseline.learning_rate": 0.3,
        }
    )
    teacher, baseline, distilled = (training_of(recipe, role) for role in Role)
    assert [each.learning_rate for each in (teacher, baseline, distilled)] == [0.5, 0.3, 0.01]
    assert [each.epochs for each in (teacher, baseline, distilled)] == [7, 4, 4]
    assert (teacher.translation, teacher.augmentation, teacher.augments) == (2, (), True)
    assert (baseline.translation, baseline.augmentation) == (0, ("flip",))


def test_what_each_role_needs_and_trains_on(trained, tiny, tmp_path):
    teacher, baseline, distilled = (trained.spec(role.value, tiny, tmp_path) for role in Role)
    assert teacher.inputs == baseline.inputs == ()
    assert distilled.inputs == (distilled.teacher,) == (teacher.key,)
    assert len(teacher.split) == len(distilled.split) == 1294
    assert len(baseline.split) == np.sum(distilled.split.labels >= 0)
    assert all(spec.is_trained for spec in (teacher, baseline, distilled))


def test_each_seed_has_its_fold(tiny):
    recipe = tiny.with_values({"experiment.folds": 4})
    found = [identities(recipe.with_seed(seed))["baseline"]["data"] for seed in (0, 1, 4)]
    assert len(set(found)) == 3
    assert identities(recipe.with_seed(1))["baseline"]["data"] == found[1]

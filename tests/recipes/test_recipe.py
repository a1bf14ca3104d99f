"""The recipe: values in range, what excludes what, a help text for every setting."""

import pydantic
import pytest

from distill.errors import UserError
from distill.recipes import Recipe, parse_value
from distill.recipes.recipe import Training, TrainingOverrides
from distill.recipes.values import all_fields


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("distillation.temperature", 0),
        ("distillation.temperature", -1.0),
        ("distillation.temperature", float("inf")),
        ("distillation.temperature", "4"),
        ("distillation.alpha", -0.01),
        ("distillation.alpha", 1.01),
        ("distillation.alpha", float("nan")),
        ("distillation.soft_targets", "none"),
        ("distillation.generations", 0),
        ("data.label_fraction", 0.0),
        ("data.label_fraction", 1.5),
        ("data.unreadable", "ignore"),
        ("data.noise", -0.1),
        ("data.noise", 1.1),
        ("data.noise_kind", "pink"),
        ("data.image_size", 0),
        ("training.optimizer", "sgdd"),
        ("training.learning_rate", 0.0),
        ("training.epochs", 0),
        ("training.epochs", True),
        ("training.batch_size", 0),
        ("training.schedule", "linear"),
        ("training.schedule_epochs", 0),
        ("training.schedule_floor", 1.0),
        ("training.warmup_epochs", -1),
        ("training.translation", -1),
        ("training.precision", "float8"),
        ("teacher.ensemble", 0),
        ("teacher.training.epochs", 0),
        ("teacher.training.learning_rate", -1.0),
        ("teacher.training.translation", -1),
        ("teacher.training.schedule", "linear"),
        ("teacher.training.schedule_floor", -0.1),
        ("student.label_smoothing", 1.0),
        ("student.baseline.learning_rate", 0.0),
        ("experiment.seeds", 0),
        ("experiment.first_seed", -1),
        ("experiment.first_seed", 2**31),
        ("experiment.folds", 1),
        ("experiment.report_checkpoint", "first"),
    ],
)
def test_values_out_of_range(name, wrong):
    with pytest.raises(UserError, match=rf"^{name} is .*must be"):
        Recipe().with_values({name: wrong})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"data.include": ("1",), "data.exclude": ("2",)},
            "data.include and data.exclude are both given",
        ),
        (
            {"data.student_exclude": ("1",), "data.student_include": ("2",)},
            "data.student_exclude and data.student_include are both given",
        ),
        (
            {"teacher.file": "t.keras", "teacher.pretraining": "digits"},
            "teacher.file and teacher.pretraining are both given",
        ),
        (
            {"distillation.assistant": "mlp", "distillation.generations": 2},
            "assistant and distillation.generations are both given",
        ),
        (
            {"training.schedule": "step_decay"},
            "training.schedule is 'step_decay' and needs a number for training.schedule_epochs",
        ),
        (
            {"teacher.training.schedule": "warm_restarts"},
            "schedule is 'warm_restarts' and needs a number",
        ),
        (
            {"student.baseline.schedule": "warm_restarts"},
            "schedule is 'warm_restarts' and needs a number",
        ),
        (
            {"teacher.ensemble": 2, "experiment.folds": 5},
            "folds is 5, and must be none with teacher.ensemble",
        ),
        ({"teacher.ensemble": 2, "teacher.file": "t.keras"}, "must be 1 with teacher.file"),
        ({"data.transfer_images": ()}, "data.transfer_images is empty"),
        (
            {"experiment.folds": 5, "teacher.pretraining": "digits"},
            "must be none with teacher.pretraining",
        ),
        (
            {"experiment.folds": 5, "data.transfer_images": ("own", "x")},
            "must be none with data.transfer_images",
        ),
        (
            {"distillation.soft_targets": "shuffled", "data.transfer_images": ("x",)},
            "images of other sets have no class",
        ),
    ],
)
def test_values_that_exclude_each_other(values, message):
    with pytest.raises(UserError, match=message):
        Recipe().with_values(values)


@pytest.mark.parametrize(
    "name",
    [
        "training.epochs",
        "teacher.training.epochs",
        "training.batch_size",
        "training.translation",
        "experiment.first_seed",
        "experiment.seeds",
        "teacher.ensemble",
    ],
)
def test_fractions_of_whole_numbers_are_refused(name):
    with pytest.raises(UserError, match=rf"^{name} is 1\.5, and must be a whole number"):
        Recipe().with_values({name: 1.5})


def test_limits_are_allowed():
    Recipe().with_values(
        {
            "distillation.alpha": 0,
            "distillation.temperature": 0.01,
            "data.label_fraction": 1,
            "training.epochs": 1,
        }
    )
    Recipe().with_values({"distillation.alpha": 1, "experiment.first_seed": 2**31 - 1})


def test_every_setting_has_a_help_text_of_one_line():
    for name, field in all_fields().items():
        assert field.description, name
        assert len(field.description) > 5, name
        assert len(field.description) < 85, name
        assert "\n" not in field.description, name


def test_overrides_have_the_training_settings_and_set_none_of_them():
    assert list(TrainingOverrides.model_fields) == list(Training.model_fields)
    assert all(value is None for _, value in TrainingOverrides())
    recipe = Recipe()
    assert recipe.training_with(TrainingOverrides()) == recipe.training


def test_training_of_one_model():
    recipe = Recipe().with_values(
        {
            "training.optimizer": "sgd",
            "training.optimizer_options.momentum": 0.9,
            "training.augmentation": ("flip",),
            "teacher.training.epochs": 3,
            "teacher.training.augmentation": (),
            "student.baseline.optimizer": "adam",
        }
    )
    teacher = recipe.training_with(recipe.teacher.training)
    assert (teacher.epochs, teacher.augmentation) == (3, ())
    assert teacher.optimizer_options == {"momentum": 0.9}
    baseline = recipe.training_with(recipe.student.baseline)
    assert (baseline.optimizer, baseline.optimizer_options) == ("adam", {})
    assert baseline.augmentation == ("flip",)


def test_options_of_one_models_optimizer():
    name = "teacher.training.optimizer_options"
    recipe = Recipe().with_values({"training.optimizer": "sgd", f"{name}.momentum": 0.5})
    assert recipe.teacher.training.optimizer_options == {"momentum": 0.5}
    teacher = recipe.training_with(recipe.teacher.training)
    assert (teacher.optimizer, teacher.optimizer_options) == ("sgd", {"momentum": 0.5})
    assert recipe.training.optimizer_options == {}
    assert recipe.with_values({name: None}).teacher.training.optimizer_options == {"momentum": 0.5}


def test_frozen():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Recipe().name = "other"


def test_one_seed_of_a_recipe():
    recipe = Recipe().with_values({"experiment.seeds": 5})
    one = recipe.with_seed(7)
    assert (one.seed, one.experiment.seeds) == (7, 1)
    assert one.with_values({"experiment.first_seed": 0, "experiment.seeds": 5}) == recipe


def test_a_value_by_name():
    assert Recipe().value("teacher.training.epochs") is None
    assert Recipe().value("distillation.alpha") == parse_value("alpha", "0.1")

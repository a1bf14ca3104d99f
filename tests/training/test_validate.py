"""What a run cannot have is refused before anything is trained."""

import pytest

from distill.errors import UserError
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.experiments.variants import ABLATIONS, MAIN_VARIANTS
from distill.training import validate as validation
from distill.training.spec import needs_of
from distill.training.validate import validate


@pytest.fixture
def plan(tmp_path):
    """Plans an experiment, which validates each of its runs; nothing may be written."""

    def plan(recipe, *ablations):
        make_plan(recipe, [], (*MAIN_VARIANTS, *ablations), tmp_path / "runs")

    yield plan
    assert not list(tmp_path.glob("runs"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data.name": "digitss"}, "digitss"),
        ({"teacher.model": "cnnn"}, "Unknown model 'cnnn'; use one of mlp"),
        ({"student.model": "mlpp"}, "Unknown model 'mlpp'; use one of mlp"),
        ({"student.options.hiden": 3}, "no option 'hiden'"),
        ({"student.options.hidden": "many"}, "option hidden of the model 'mlp' is 'many'"),
        ({"teacher.options.filters": "some"}, "option filters of the model 'cnn' is 'some'"),
        ({"distillation.method": "kdd"}, "Unknown method 'kdd'; use one of kd"),
        ({"distillation.method": "multi_label_kd"}, "is for several labels per example, and these"),
        ({"distillation.options.beta": 1}, "The method 'kd' has no option 'beta'"),
        ({"distillation.assistant": "mlpp"}, "Unknown model 'mlpp'"),
        ({"distillation.assistant": "mlp", "distillation.assistant_options.x": 1}, "no option 'x'"),
        ({"training.optimizer_options.momentun": 0.9}, "'adam' has no option 'momentun'; it has"),
        ({"training.optimizer_options.clipnorm": "abc"}, "option 'clipnorm' .* is 'abc', and must"),
        (
            {
                "training.optimizer_options.clipnorm": 1.0,
                "training.optimizer_options.clipvalue": 1.0,
            },
            "'adam' refuses the options",
        ),
        ({"training.optimizer_options.learning_rate": 1}, "no option 'learning_rate'"),
        ({"training.augmentation": ("flipp",)}, "Unknown augmentation 'flipp'"),
        ({"training.translation": 8}, "translation is 8, and must be below"),
        ({"data.student_exclude": ("eleven",)}, "no class 'eleven'"),
        ({"data.student_include": ("11",)}, "no class '11'"),
        ({"data.include": ("7",)}, "needs 2 or more"),
        ({"data.transfer_images": ("own", "digitss")}, "digitss"),
    ],
)
def test_names_and_options(values, message, tiny, plan):
    with pytest.raises(UserError, match=message) as raised:
        plan(tiny.with_values(values))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("section", ["training", "teacher.training", "student.baseline"])
def test_a_batch_larger_than_the_training_set(section, tiny, plan):
    plan(tiny.with_values({f"{section}.batch_size": 1294}))
    with pytest.raises(UserError, match="batch_size is 1295, and must be 1294 or less, the number"):
        plan(tiny.with_values({f"{section}.batch_size": 1295}))


FITNET = {"distillation.method": "fitnet"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"distillation.options.teacher_layers": "hiden"}, "'cnn' has no layer 'hiden'"),
        (
            {"distillation.options.teacher_layers": "block1_pool"},
            r"shape \(4, 4, 4\) in the teacher",
        ),
        ({"distillation.options.teacher_layers": ["dense", None]}, "names 2 layers"),
        ({"distillation.options.beta": 1}, "no option 'beta'"),
        (
            {"distillation.assistant": "mlp", "distillation.options.teacher_layers": "hidden"},
            "'mlp' has no layer",
        ),
        (
            {"distillation.generations": 2, "distillation.options.teacher_layers": "dropout2"},
            "'mlp' has no layer",
        ),
        ({"teacher.ensemble": 2}, "teacher.ensemble is 2, and must be 1 with the method 'fitnet'"),
        (
            {"distillation.soft_targets": "shuffled"},
            "soft_targets is 'shuffled', and must be 'own'",
        ),
    ],
)
def test_features_that_cannot_be_matched(values, message, tiny, plan):
    plan(tiny.with_values(FITNET))
    with pytest.raises(UserError, match=message):
        plan(tiny.with_values({**FITNET, **values}))


def test_a_sum_of_methods_with_features_needs_one_teacher(tiny, plan):
    recipe = tiny.with_values({"distillation.method": "kd + 0.5 * fitnet", "teacher.ensemble": 2})
    with pytest.raises(UserError, match=r"must be 1 with the method 'kd \+ 0.5 \* fitnet'"):
        plan(recipe)


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_ablations_are_validated_too(ablation, tiny, plan):
    recipe = tiny.with_values(FITNET)
    if ablation == "shuffled-teacher":
        with pytest.raises(UserError, match="soft_targets is 'shuffled', and must be 'own'"):
            plan(recipe, ablation)
    else:
        plan(recipe, ablation)


def test_every_role_of_a_good_recipe_is_accepted(trained, tiny, tmp_path):
    for role in ("teacher", "baseline", "distilled"):
        spec = trained.spec(role, tiny, tmp_path)
        validate(spec)
        assert (needs_of(spec.role, tiny).teacher is not None) == spec.is_distilled


def test_the_runs_of_a_plan_make_equal_models_once(tiny, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(validation, "build", made.append)
    axes = [make_axis("temperature", (1.0, 2.0, 4.0)), make_axis("student.options.hidden", (3, 4))]
    make_plan(tiny, axes, MAIN_VARIANTS, tmp_path)
    roles = [spec.role.value for spec in made]
    assert sorted(roles) == ["baseline", "baseline", "distilled", "distilled", "teacher"]

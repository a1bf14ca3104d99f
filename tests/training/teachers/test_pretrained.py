"""Pretrained teachers, alone and in an ensemble that teaches through an assistant."""

import keras
import numpy as np
import pytest
from scipy import special

from distill.errors import UserError
from distill.experiments.execution import Failure, execute
from distill.training.data import data_of
from distill.training.train import train


def test_pretraining_has_the_same_seed(pretrained, plan):
    planned = plan(pretrained.with_values({"experiment.seeds": 2}))
    for key in planned.points[0].runs["teacher"]:
        spec = planned.specs[key]
        (before,) = (planned.specs[each] for each in spec.inputs)
        assert before.recipe.name == "before"
        assert before.title.startswith("teacher of before, seed")
        assert before.seed == spec.seed
    plain = plan(pretrained.with_values({"teacher.pretraining": None}), ("teacher",))
    assert not set(planned.points[0].runs["teacher"]) & set(plain.specs)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"data.image_size": 16},
            r"of shape \(8, 8, 1\), and those of digits have shape \(16, 16, 1\)",
        ),
        ({"teacher.model": "mlp"}, r"teacher\.model is 'mlp', and must be 'cnn', as in .*'before'"),
        ({"teacher.options.filters": 3}, r"teacher\.options is .*'filters': 3.*, and must be"),
        ({"teacher.pretraining": "nothing"}, "Unknown recipe 'nothing'"),
    ],
)
def test_what_does_not_fit_is_refused(values, message, pretrained, plan):
    with pytest.raises(UserError, match=message):
        plan(pretrained.with_values(values))


@pytest.fixture
def own(tmp_path, pretrained):
    """A recipe whose teacher starts from a trained model of any size with 7 classes."""
    inputs = keras.Input((None, None, 1))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(7, activation="softmax")(features))
    model.save(tmp_path / "trained.keras")
    recipe = pretrained.with_values({"teacher.pretraining": str(tmp_path / "trained.keras")})
    return model, recipe


def test_a_trained_model_in_a_file_gets_a_new_classifier(own, plan):
    model, recipe = own
    (spec,) = plan(recipe.with_values({"training.epochs": 1}), ("teacher",)).specs.values()
    assert spec.folder.name.startswith("teacher-trained-seed0-")
    teacher = train(spec, {}).load_model()
    assert (teacher.input_shape, teacher.output_shape) == ((None, 8, 8, 1), (None, 5))
    weights = teacher.get_weights()
    assert all(map(np.array_equal, weights[:2], model.get_weights()[:2]))
    assert [weight.shape for weight in weights[2:]] == [(4, 5), (5,)]


def test_another_file_is_another_teacher_and_the_architecture_does_not_count(own, plan):
    model, recipe = own
    teacher = ("teacher",)
    before = set(plan(recipe, teacher).specs)
    assert set(plan(recipe.with_values({"teacher.model": "mlp"}), teacher).specs) == before
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.save(recipe.teacher.pretraining)
    assert not set(plan(recipe, teacher).specs) & before


def test_a_file_that_does_not_fit(own, plan, tmp_path):
    _, recipe = own
    layers = [keras.layers.Flatten(), keras.layers.Dense(3)]
    keras.Sequential([keras.Input((9, 9, 1)), *layers]).save(tmp_path / "other.keras")
    for name, message in (("none", "There is no model file"), ("other", r"inputs of shape \(9, 9")):
        with pytest.raises(UserError, match=message):
            plan(recipe.with_values({"teacher.pretraining": str(tmp_path / f"{name}.keras")}))


def test_an_ensemble_of_pretrained_teachers_teaches_an_assistant(pretrained, plan):
    values = {"teacher.ensemble": 2, "distillation.assistant": "mlp"}
    options = {"hidden": 16, "depth": 1}
    recipe = pretrained.with_values({**values, "distillation.assistant_options": options})
    planned = plan(recipe)
    (point,) = planned.points
    assert len(planned.specs) == 8  # 2 pretrained, 2 tuned, ensemble, baseline, assistant, student
    assistant = planned.specs[planned.specs[point.runs["distilled"][0]].teacher]
    (key,) = point.runs["teacher"]
    assert assistant.teacher == key
    assert assistant.is_distilled
    students = {point.runs[name][0] for name in ("baseline", "distilled")}
    specs = [spec for spec in planned.specs.values() if spec.key not in students]
    runs = {}
    for outcome in execute(specs, train):
        assert not isinstance(outcome, Failure), outcome
        runs[outcome.key] = outcome
    ensemble = runs[key]
    tuned = [runs[each] for each in planned.specs[key].inputs]
    before = [runs[planned.specs[run.key].inputs[0]] for run in tuned]
    assert [len(run.load_model().trainable_weights) for run in tuned] == [2, 2]
    images = data_of(recipe).test.images.astype("float32")
    mean = np.mean([np.asarray(run.load_model()(images)) for run in tuned], axis=0)
    np.testing.assert_allclose(ensemble.load_model()(images), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ensemble.predictions("last", "test"), mean, rtol=1e-4, atol=1e-5)
    for run, pretraining in zip(tuned, before, strict=True):  # frozen features are as they were
        kept, was = (each.load_model().get_weights()[:-2] for each in (run, pretraining))
        assert all(map(np.array_equal, kept, was))
    temperature = recipe.distillation.temperature
    taught = [run.predictions("last", "validation") for run in (ensemble, runs[assistant.key])]
    log_p, log_q = (special.log_softmax(logits / temperature, axis=1) for logits in taught)
    divergence = temperature**2 * np.sum(np.exp(log_p) * (log_p - log_q), axis=1)
    found = runs[assistant.key].history()["val_soft_loss"][-1]
    np.testing.assert_allclose(found, divergence.mean(), rtol=1e-3)
    assert all(run.reused for run in execute(specs, train))

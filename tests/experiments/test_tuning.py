"""The choice of learning rates: on validation data, by one rule, for each student its own."""

import io

import pytest
from rich.console import Console

from distill.errors import UserError
from distill.experiments import tuning
from distill.experiments.execution import Failure
from distill.experiments.grid import make_axis
from distill.experiments.tuning import choose_learning_rates
from distill.runs import Role

STUDENTS = ("teacher", "baseline", "distilled")
RATES = (0.001, 0.01, 0.1)
# Validation accuracy and loss of each rate; two are equal for the baseline.
REACHED = {
    Role.BASELINE: {0.001: (0.5, 1.0), 0.01: (0.7, 0.9), 0.1: (0.7, 0.8)},
    Role.DISTILLED: {0.001: (0.6, 1.0), 0.01: (0.8, 0.9), 0.1: (0.7, 0.1)},
}


class FakeRun:
    def __init__(self, spec):
        accuracy, loss = REACHED[spec.role][spec.training.learning_rate]
        self.metrics = {"last": {"validation": {"accuracy": accuracy, "nll": loss}}}


@pytest.fixture
def trained(monkeypatch):
    """Runs that are not trained: the specs that were asked for, and the printed text."""
    specs, failing = {}, set()

    def execute(plan, console, executor, is_trial):
        assert is_trial
        specs.update(plan.specs)
        found = [spec for spec in specs.values() if spec.training.learning_rate in failing]
        return None, [Failure(spec, "it failed") for spec in found]

    def completed(folder, identity):
        spec = next(spec for spec in specs.values() if spec.folder == folder)
        return None if spec.training.learning_rate in failing else FakeRun(spec)

    monkeypatch.setattr(tuning, "execute_plan", execute)
    monkeypatch.setattr(tuning, "completed", completed)
    return specs, failing


def choose(recipe, folder, axes=(), variants=STUDENTS):
    file = io.StringIO()
    console = Console(file=file, width=200)
    return choose_learning_rates(recipe, axes, variants, folder, console), file.getvalue()


@pytest.fixture
def recipe(changed):
    return changed({"experiment.learning_rates": RATES, "training.epochs": 10})


def test_each_student_takes_its_best_rate(recipe, trained, tmp_path):
    chosen, printed = choose(recipe, tmp_path)
    assert chosen.training_with(chosen.student.baseline).learning_rate == 0.1  # the lower loss
    assert chosen.training.learning_rate == 0.01
    assert chosen.training.epochs == 10
    assert chosen.experiment.seeds == 2
    assert chosen.experiment.learning_rates == RATES  # the report says where the choice was made
    assert "after 3 epochs with seed 0" in printed
    assert "baseline: learning rate 0.1 (0.001: 50.0 %, 0.01: 70.0 %, 0.1: 70.0 %)" in printed


def test_the_trial_is_short_and_leaves_the_teacher_as_it_is(recipe, trained, tmp_path):
    chosen, _ = choose(recipe, tmp_path)
    specs = trained[0].values()
    students = [spec for spec in specs if not spec.is_teacher]
    assert len(students) == 6
    assert {spec.training.epochs for spec in students} == {3}
    assert {spec.seed for spec in specs} == {0}
    (teacher,) = (spec for spec in specs if spec.is_teacher)
    assert teacher.training.epochs == 10
    assert teacher.training.learning_rate == recipe.training.learning_rate
    assert chosen.training_with(chosen.teacher.training) == teacher.training


def test_the_rates_of_the_recipe_itself_play_no_part(recipe, trained, tmp_path):
    own = recipe.with_values({"student.baseline.learning_rate": 0.5, "student.baseline.epochs": 99})
    choose(own, tmp_path)
    baselines = [spec for spec in trained[0].values() if spec.role is Role.BASELINE]
    assert sorted(spec.training.learning_rate for spec in baselines) == [*RATES]
    assert {spec.training.epochs for spec in baselines} == {3}


def test_only_the_students_of_the_experiment_are_tried(recipe, trained, tmp_path):
    chosen, printed = choose(recipe, tmp_path, variants=("baseline",))
    assert {spec.role for spec in trained[0].values()} == {Role.BASELINE}
    assert chosen.training.learning_rate == recipe.training.learning_rate
    assert "distilled" not in printed


@pytest.mark.parametrize(
    ("axes", "variants"),
    [
        ([make_axis("learning_rate", (0.1, 0.2))], STUDENTS),
        ([make_axis("student.baseline.learning_rate", (0.1, 0.2))], STUDENTS),
        ((), ("teacher",)),
    ],
)
def test_nothing_is_tried_where_nothing_is_to_choose(recipe, trained, axes, variants, tmp_path):
    chosen, printed = choose(recipe, tmp_path, axes, variants)
    assert chosen == recipe.with_values({"experiment.learning_rates": ()})
    assert not trained[0]
    assert not printed


def test_a_rate_that_fails_is_left_out(recipe, trained, tmp_path):
    trained[1].add(0.1)
    chosen, _ = choose(recipe, tmp_path)
    assert chosen.training_with(chosen.student.baseline).learning_rate == 0.01
    trained[1].update(RATES)
    with pytest.raises(UserError, match="it failed"):
        choose(recipe, tmp_path)

"""Ensembles: no two share a teacher, and each teacher is that of the plain recipe."""

from distill.training.teachers import source_of
from distill.training.teachers.ensemble import Ensemble


def test_no_two_ensembles_share_a_teacher(tiny, plan):
    planned = plan(tiny.with_values({"teacher.ensemble": 3, "experiment.seeds": 2}))
    (point,) = planned.points
    ensembles = [planned.specs[key] for key in point.runs["teacher"]]
    members = [[planned.specs[key].seed for key in spec.inputs] for spec in ensembles]
    assert members == [[0, 1, 2], [3, 4, 5]]
    for seed, spec in enumerate(ensembles):
        assert spec.folder.name.startswith(f"teacher-cnn-ensemble-seed{seed}-")
        assert not spec.is_trained
    taught_by = [planned.specs[key].teacher for key in point.runs["distilled"]]
    assert taught_by == [spec.key for spec in ensembles]


def test_the_teachers_are_those_of_the_plain_recipe(tiny, plan):
    plain = plan(tiny.with_values({"experiment.seeds": 3}), ("teacher",))
    ensemble = plan(tiny.with_values({"teacher.ensemble": 3}), ("teacher",))
    assert set(plain.specs) < set(ensemble.specs)


def test_the_settings_of_training_count_through_the_members(tiny, plan):
    first, second = (
        plan(tiny.with_values({"teacher.ensemble": 2, "teacher.training.epochs": epochs}))
        for epochs in (1, 2)
    )
    assert not set(first.points[0].runs["teacher"]) & set(second.points[0].runs["teacher"])


def test_an_ensemble_of_one_is_the_teacher(tiny):
    assert not isinstance(source_of(tiny), Ensemble)
    assert isinstance(source_of(tiny.with_values({"teacher.ensemble": 2})), Ensemble)

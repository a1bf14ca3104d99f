"""Variants: every ablation is the same student with one thing changed."""

import pytest

from distill.experiments.plan import make_plan
from distill.experiments.variants import ABLATIONS, MAIN_VARIANTS, VARIANTS


@pytest.fixture
def specs(changed, tmp_path):
    """The spec of each variant's run, by variant."""
    plan = make_plan(changed({"experiment.seeds": 1}), [], tuple(VARIANTS), tmp_path)
    return {variant: plan.specs[key] for variant, (key,) in plan.points[0].runs.items()}


def flat(spec):
    identity = {name: value for name, value in spec.identity.items() if name != "settings"}
    return identity | spec.identity["settings"]


@pytest.mark.parametrize(
    ("ablation", "of", "change"),
    [
        ("label-smoothing", "baseline", {"student.label_smoothing": 0.1}),
        ("shuffled-teacher", "distilled", {"distillation.soft_targets": "shuffled"}),
        ("soft-targets-only", "distilled", {"distillation.alpha": 0.0}),
        (
            "hard-labels",
            "distilled",
            {"distillation.alpha": 0.0, "distillation.method": "hard_label"},
        ),
    ],
)
def test_an_ablation_changes_one_thing(ablation, of, change, specs):
    ablated, whole = flat(specs[ablation]), flat(specs[of])
    assert set(ablated) == set(whole)
    assert change == {name: value for name, value in ablated.items() if value != whole[name]}


def test_equal_time_matches_the_time_of_distillation(specs):
    pair = [specs["distilled"].key, specs["baseline"].key]
    matched, baseline = specs["equal-time"], flat(specs["baseline"])
    assert matched.match_time_of == list(matched.inputs) == pair
    assert flat(matched) == baseline | {"match_time_of": pair}
    assert specs["baseline"].match_time_of == []


def test_all_distilled_variants_have_the_same_teacher(specs):
    teachers = {spec.teacher for spec in specs.values() if spec.is_distilled}
    assert teachers == {specs["teacher"].key}


def test_an_ablation_that_changes_nothing_is_the_same_run(changed, tmp_path):
    variants = (*MAIN_VARIANTS, "soft-targets-only")
    plan = make_plan(changed({"distillation.alpha": 0.0}), [], variants, tmp_path)
    runs = plan.points[0].runs
    assert runs["soft-targets-only"] == runs["distilled"]
    assert len(plan.specs) == 6


def test_titles_differ_and_every_ablation_has_a_question():
    assert all("?" in ablation.question for ablation in ABLATIONS.values())
    assert len({variant.title for variant in VARIANTS.values()}) == len(VARIANTS)

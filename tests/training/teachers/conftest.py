"""Recipes for teachers of more than one stage, and plans of them that train nothing."""

import pytest

from distill.experiments.plan import make_plan
from distill.experiments.variants import MAIN_VARIANTS
from distill.recipes import RECIPES


@pytest.fixture
def plan(tmp_path):
    """Plans a recipe's teacher, baseline and distilled student."""

    def plan(recipe, variants=tuple(MAIN_VARIANTS)):
        return make_plan(recipe, [], variants, tmp_path)

    return plan


@pytest.fixture
def pretrained(tiny, monkeypatch):
    """A recipe whose teacher is that of the recipe `before` with a new classifier."""
    before = {"name": "before", "data.include": tuple("56789"), "training.epochs": 1}
    before = tiny.with_values({**before, "teacher.training.translation": 1})
    monkeypatch.setitem(RECIPES, "before", before)
    after = {"name": "after", "data.include": tuple("01234"), "training.epochs": 2}
    return tiny.with_values({**after, "teacher.pretraining": "before"})

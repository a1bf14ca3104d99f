"""`--help`: two screens, every common flag, the chosen recipe's values, no None."""

import pytest

from distill.cli import main
from distill.cli.help_page import RARE
from distill.recipes import RECIPES, flag_of
from distill.recipes.recipe import SHORT_NAMES
from distill.recipes.values import all_fields


@pytest.fixture
def help_of(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def show(script, *arguments):
        assert main(script, ["--help", *arguments]) == 0
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_screens(recipe, help_of):
    text = help_of("distilled", "--recipe", recipe)
    assert len(text.splitlines()) <= 96
    assert max(map(len, text.splitlines())) <= 100
    assert "None" not in text
    assert "STR" not in text


@pytest.mark.parametrize("script", ["teacher", "baseline", "distilled"])
def test_every_flag_is_shown(script, help_of):
    text = help_of(script)
    for name in all_fields():
        if name != "name" and name.count(".") == 1:
            assert (f"\n  {flag_of(name)} " in text) == (name not in RARE)
    assert set(all_fields()) >= RARE
    for short in SHORT_NAMES:
        assert f"--{short.replace('_', '-')} " in text
    for flag in ("--recipe", "--study", "--grid", "--runs", "--retrain", "--preview", "--config"):
        assert f"\n  {flag}" in text
    assert ("--ablations" in text) == (script == "distilled")
    assert "--teacher.training.NAME" in text
    assert "--student.baseline.NAME" in text


def test_examples_come_first(help_of):
    text = help_of("teacher")
    assert text.startswith("Usage: python teacher_train.py [FLAG VALUE ...] [@FILE]\n")
    assert text.index("Examples:") < text.index("--recipe NAME")
    assert "python teacher_train.py --recipe mnist-hinton" in text


def test_values_are_those_of_the_chosen_recipe(help_of):
    text = " ".join(help_of("distilled", "--recipe", "mnist-hinton").split())
    assert "temperature of the soft loss [20]" in text
    assert "a folder per class [mnist]" in text
    assert "[hidden=1200 depth=2 dropout=0.5 input_dropout=0.2 max_norm=2]" in text
    assert "of the teacher [learning_rate=0.1 epochs=200 translation=2]" in text
    assert "of the baseline [learning_rate=0.1]" in text
    assert "height and width in pixels [as suits teacher and images]" in text
    assert "of the baseline [the same]" in " ".join(help_of("distilled").split())


def test_a_narrow_terminal(help_of, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert "--experiment.report_checkpoint" in help_of("distilled")

"""`--list`: every name with its options."""

import pytest

from distill.cli import main
from distill.data import AUGMENTATIONS
from distill.experiments.studies import studies_of
from distill.experiments.variants import ABLATIONS
from distill.methods import METHODS
from distill.models import MODELS
from distill.recipes import RECIPES, flag_of
from distill.recipes.values import all_fields


@pytest.fixture
def listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def show(*arguments):
        assert main("distilled", ["--list", *arguments]) == 0
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("models", MODELS),
        ("methods", METHODS),
        ("datasets", ["digits", "NAME", "FOLDER"]),
        ("recipes", RECIPES),
        ("studies", studies_of("digits")),
        ("augmentations", AUGMENTATIONS),
        ("ablations", ABLATIONS),
        ("settings", [flag_of(name) for name in all_fields() if name != "name"]),
    ],
)
def test_every_name_begins_a_line(what, names, listed):
    text = listed(what)
    first_words = [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]
    assert first_words == list(names)
    assert "None" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_models_show_their_options(listed):
    text = listed("models")
    assert "filters=32 dense=128" in text
    assert "input_shape" not in text


def test_studies_are_those_of_the_recipe(listed):
    assert "omitted-3" in listed("studies", "--recipe", "mnist-hinton")
    assert "omitted-3" not in listed("studies")


def test_settings_say_where_a_value_comes_from(listed):
    text = " ".join(listed("settings", "--recipe", "mnist-hinton").split())
    assert "a whole number of 1 or more [200]" in text
    assert "[same as --batch-size]" in text
    assert "[same as --training.optimizer_options]" in text
    assert "share of noise in transfer images; 1 uses no labels; a number from 0 to 1 [0]" in text

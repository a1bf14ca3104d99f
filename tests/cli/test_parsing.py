"""Flags to a recipe, and every mistake in one sentence before TensorFlow is imported."""

from pathlib import Path

import pytest

from distill.cli import CommandLine, main, parse
from distill.errors import UserError
from distill.recipes import RECIPES, Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_no_flags_mean_the_recipe_itself(name):
    for script in ("teacher", "baseline", "distilled"):
        assert parse(script, ["--recipe", name]) == CommandLine(RECIPES[name])


def test_flags_change_the_recipe():
    flags = "--temperature 2 --alpha=0 --epochs 7 --seeds 3 --data.image-size 16 --retrain"
    more = "--runs elsewhere --teacher.training.epochs none --student.baseline.learning_rate 0.1"
    line = parse("distilled", [*flags.split(), *more.split()])
    assert line.recipe == RECIPES["digits"].with_values(
        {
            "distillation.temperature": 2.0,
            "distillation.alpha": 0.0,
            "training.epochs": 7,
            "experiment.seeds": 3,
            "data.image_size": 16,
            "teacher.training.epochs": None,
            "student.baseline.learning_rate": 0.1,
        }
    )
    assert (line.runs, line.retrain) == (Path("elsewhere"), True)


def test_options_are_merged_into_those_of_the_same_model_only():
    recipe = parse("distilled", ["--student.options", "hidden=64", "dropout=0.1"]).recipe
    assert recipe.student.options == {"hidden": 64, "depth": 1, "dropout": 0.1}
    recipe = parse("distilled", ["--student", "cnn"]).recipe
    assert recipe.student.options == {}
    recipe = parse("distilled", ["--student.options.linear_last", "true"]).recipe
    assert recipe.student.options["linear_last"] is True


def test_the_last_of_several_values_counts(tmp_path):
    path = tmp_path / "commandline_args.txt"
    path.write_text("--recipe mnist-hinton\n--temperature 2 # low\n--student.options.hidden 30\n")
    flags = ["--alpha", "0.7", "--temperature", "3", "--student.options", "hidden=40"]
    assert parse("distilled", [f"@{path}", *flags]).recipe == RECIPES["mnist-hinton"].with_values(
        {
            "distillation.temperature": 3.0,
            "distillation.alpha": 0.7,
            "student.options.hidden": 40,
        }
    )


def test_settings_of_a_yaml_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: flowers\ntraining: {epochs: 3}\n")
    recipe = parse("distilled", ["--config", str(path), "--alpha", "0"]).recipe
    assert recipe == RECIPES["flowers"].with_values(
        {"training.epochs": 3, "distillation.alpha": 0.0}
    )


def test_what_to_run():
    line = parse("distilled", ["--grid", "a=1,2", "b=3", "--study", "alpha", "--grid", "c=4"])
    assert (line.grid, line.study, line.ablations) == (("a=1,2", "b=3", "c=4"), "alpha", None)
    assert parse("distilled", ["--ablations"]).ablations == ()
    assert parse("distilled", ["--ablations", "a", "b", "--seeds", "1"]).ablations == ("a", "b")
    assert parse("teacher", ["--preview", "x.png"]).preview == Path("x.png")
    assert parse("teacher", ["--list", "models"]).list == "models"


def test_an_assistant_of_a_grid_has_options():
    options = ["--distillation.assistant_options.hidden", "8"]
    line = parse("distilled", ["--grid", "distillation.assistant=mlp,none", *options])
    assert line.recipe.distillation.assistant_options == {"hidden": 8}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--recipe digitz", "Unknown recipe 'digitz'; use one of digits, own-data, few-labels"),
        ("--recipe", "--recipe needs a value; see --help"),
        ("--temperature 0", "temperature is 0.0, and must be a number above 0"),
        ("--temperature -1", "temperature is -1.0"),
        ("--temperature nan", "temperature is nan"),
        ("--temperature warm", "temperature is 'warm', and must be a number"),
        ("--alpha 1.5", "alpha is 1.5, and must be a number from 0 to 1"),
        ("--alpha=-0.1", "alpha is -0.1"),
        ("--epochs 0", "epochs is 0, and must be a whole number of 1 or more"),
        ("--epochs 1.5", "epochs is '1.5', and must be a whole number"),
        ("--seeds 0", "seeds is 0"),
        ("--batch-size -3", "batch_size is -3"),
        ("--batch-size abc", "batch_size is 'abc', and must be a whole number"),
        ("--tempreature 2", "There is no flag --tempreature; did you mean --temperature?"),
        ("--tempreature=2", "There is no flag --tempreature; did you mean --temperature?"),
        ("--teacher-epochs 3", "did you mean --teacher.training.epochs?"),
        ("--controls", "There is no flag --controls; --help shows all flags"),
        ("--fresh", "There is no flag --fresh"),
        ("--shown-epoch best", "There is no flag --shown-epoch"),
        ("--name mine", "There is no flag --name"),
        ("--student.options hidden", "has 'hidden', and needs NAME=VALUE"),
        ("--student.optoins.hidden 3", "did you mean --student.options?"),
        ("--distillation.assistant_options hidden=8", "name one with --distillation.assistant"),
        ("--training.schedule linear", "'linear', and must be one of constant, cosine"),
        ("--training.optimizer sgdd", "optimizer is 'sgdd', and must be one of adam"),
        ("@nowhere.txt", "There is no file nowhere.txt"),
        ("--config nowhere.yaml", "There is no file nowhere.yaml"),
        ("--data.student_exclude", "--data.student_exclude needs a value"),
        ("--data.include 1 --data.exclude 2", "data.include and data.exclude are both given"),
        ("--grid", "--grid needs SETTING=VALUE,VALUE"),
        ("--experiment.folds 1", "folds is 1, and must be a whole number of 2 or more, or none"),
        ("--experiment.report_checkpoint first", "must be one of last, best"),
        ("--list wrong", "--list is 'wrong', and must be one of models, methods"),
        ("--retrain=maybe", "--retrain"),
        ("--no-retrain", "There is no flag --no-retrain"),
        ("--alpha 0.1 junk", "'junk' belongs to no flag"),
        ("-x", "There is no flag -x"),
    ],
)
def test_mistakes(arguments, message, capsys):
    assert main("distilled", arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_ablations_belong_to_the_main_script():
    with pytest.raises(UserError, match="There is no flag --ablations"):
        parse("baseline", ["--ablations"])


def test_a_value_that_the_recipe_refuses_is_named_in_full():
    with pytest.raises(UserError, match=r"^teacher\.training\.epochs is 0"):
        parse("teacher", ["--teacher.training.epochs", "0"])
    assert isinstance(parse("teacher", []).recipe, Recipe)


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        ("", "digits"),
        ("--dataset digits", "digits"),
        ("--dataset ./photos", "own-data"),
        ("--data.name=tf_flowers --epochs 3", "own-data"),
        ("--dataset ./photos --recipe flowers", "flowers"),
    ],
)
def test_data_of_your_own_take_a_recipe_of_their_own(words, recipe):
    assert parse("distilled", words.split()).recipe.name == recipe

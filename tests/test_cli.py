"""The three scripts as a user meets them: flags, files of flags, mistakes, results."""

import dataclasses
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main, parse
from distill.errors import UserError
from distill.experiments.arms import ARMS, CONTROLS
from distill.experiments.studies import STUDIES
from distill.recipes import RECIPES, Recipe

ROOT = Path(__file__).parent.parent
SCRIPTS = ("teacher_train.py", "student_train.py", "distillation_train.py")
QUICK = ["--epochs", "1", "--batch-size", "256", "--seeds", "1"]


def script(*command, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL")  # set by conftest.py; a user has none
    return subprocess.run(
        [sys.executable, str(ROOT / command[0]), *command[1:]],
        capture_output=True, text=True, cwd=cwd, env=environment, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_shows_every_field_and_recipe(name):
    done = script(name, "--help")
    assert done.returncode == 0, done.stderr
    for field in dataclasses.fields(Recipe):
        assert f"--{field.name.replace('_', '-')} " in done.stdout or field.name == "name"
    for recipe in RECIPES:
        assert recipe in done.stdout
    assert "--fresh" in done.stdout
    assert "--runs" in done.stdout


def test_help_shows_the_defaults_of_the_chosen_recipe():
    done = script("distillation_train.py", "--recipe", "mnist-hinton", "--help")
    text = " ".join(done.stdout.split())
    for shown in ("(default: 20.0)", "(default: mnist)", "hidden=1200 depth=2 dropout=0.5"):
        assert shown in text


def test_no_flags_mean_the_recipe_itself():
    for name, recipe in RECIPES.items():
        assert parse("distilled", ["--recipe", name])[0] == recipe
    assert parse("distilled", [])[0] == RECIPES["digits"]


def test_flags_change_the_recipe():
    recipe, options = parse(
        "distilled",
        ["--temperature", "2", "--alpha=0", "--epochs", "7", "--seeds", "3", "--image-size", "16",
         "--teacher-epochs", "None", "--runs", "elsewhere", "--fresh"],
    )  # fmt: skip
    wanted = dataclasses.replace(
        RECIPES["digits"], temperature=2.0, alpha=0.0, epochs=7, seeds=3, image_size=16,
        teacher_epochs=None,
    )  # fmt: skip
    assert recipe == wanted
    assert (options.runs, options.fresh) == ("elsewhere", True)


def test_options_are_laid_over_those_of_the_same_model_only():
    recipe, _ = parse("distilled", ["--student-options", "hidden=64", "dropout=0.1"])
    assert recipe.student_options == {"hidden": 64, "depth": 1, "dropout": 0.1}
    recipe, _ = parse("distilled", ["--student", "cnn"])
    assert recipe.student_options == {}
    recipe, _ = parse("distilled", ["--student-options", "linear_last=true"])
    assert recipe.student_options["linear_last"] is True


def test_flags_from_a_file(tmp_path):
    path = tmp_path / "commandline_args.txt"
    path.write_text("# kept from yesterday\n--recipe mnist-hinton\n--temperature 2 --alpha 0.5\n")
    recipe, _ = parse("distilled", [f"@{path}", "--alpha", "0.7"])
    wanted = dataclasses.replace(RECIPES["mnist-hinton"], temperature=2.0, alpha=0.7)
    assert recipe == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "digitz"], "Unknown recipe 'digitz'; use one of digits, few-labels"),
        (["--temperature", "0"], "temperature is 0.0, and must be a positive number"),
        (["--temperature", "-1"], "temperature is -1.0"),
        (["--temperature", "nan"], "temperature is nan"),
        (["--temperature", "warm"], "--temperature: temperature is 'warm', and must be a number"),
        (["--alpha", "1.5"], "alpha is 1.5, and must be between 0 and 1"),
        (["--alpha=-0.1"], "alpha is -0.1"),
        (["--epochs", "0"], "epochs is 0, and must be 1 or more"),
        (["--epochs", "1.5"], "--epochs: epochs is '1.5', and must be a whole number"),
        (["--seeds", "0"], "seeds is 0"),
        (["--batch-size", "-3"], "batch_size is -3"),
        (["--tempreature", "2"], "unrecognized arguments: --tempreature 2; see"),
        (["--student-options", "hidden"], "'hidden' is not KEY=VALUE"),
        (["--assistant-options", "hidden=8"], "name one with --assistant"),
        (["--schedule", "linear"], "schedule is 'linear', and must be one of constant, cosine"),
        (["@nowhere.txt"], "nowhere.txt"),
        (["--omitted-classes"], "expected one argument"),
        (["--study", "warmth"], "digits has no study 'warmth'; use one of temperature"),
        (["--controls", "placebo"], "invalid choice: 'placebo'"),
        (["--folds", "1"], "folds is 1, and must be 2 or more, or None"),
        (["--shown-epoch", "first"], "shown_epoch is 'first', and must be one of last, best"),
    ],
)
def test_mistakes_before_tensorflow(arguments, message, capsys):
    with pytest.raises(UserError):
        parse("distilled", arguments)
    assert main("distilled", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("temperature", "'temperature' is not of the form FIELD=VALUE,VALUE"),
        ("tempreature=1,2", "A recipe has no field 'tempreature'"),
        ("temperature=1,warm", "temperature is 'warm', and must be a number"),
        ("temperature=1,-2", "temperature is -2.0, and must be a positive number"),
        ("seeds=1,2", "A grid has no axis 'seeds'"),
        ("student_options.hiden=4", "no option 'hiden'"),
        ("omitted_classes=11", "digits has no class '11'"),
    ],
)
def test_mistakes_in_a_grid(grid, message, capsys, tmp_path):
    arguments = [*QUICK, "--runs", str(tmp_path / "runs"), "--grid", grid]
    assert main("distilled", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_flags_of_many_settings(monkeypatch):
    """What the flags mean for the experiment, which is not run."""
    seen = []

    class Done:
        failures = ()

    def watch(recipe, runs, axes, arms, fresh, command):
        assert command == sys.argv
        seen.append((axes, list(arms)))
        return Done

    monkeypatch.setattr("distill.experiments.experiment.run_experiment", watch)
    for arguments in (
        ["--grid", "temperature=1,2", "student_options.hidden=4,8"],
        ["--study", "alpha", "--grid", "temperature=1,2"],
        ["--controls"],
        ["--controls", "hard-label"],
        [],
    ):
        assert main("distilled", arguments) == 0
    fields = [[axis.field for axis in axes] for axes, _ in seen]
    assert fields[:2] == [["temperature", "student_options.hidden"], ["alpha", "temperature"]]
    assert fields[2:] == [[]] * 3
    arms = [arms for _, arms in seen]
    assert arms[0] == arms[1] == arms[4] == ["teacher", "student", "distilled"]
    assert arms[2] == list(ARMS)
    assert arms[3] == ["teacher", "student", "distilled", "hard-label"]
    Done.failures = ("one",)
    assert main("distilled", []) == 1


def test_help_names_every_study_and_control():
    text = script("distillation_train.py", "--help").stdout
    for name in (*STUDIES, *CONTROLS):
        assert f"\n  {name} " in text
    assert max(map(len, text.splitlines())) <= 100
    assert "--controls" not in script("student_train.py", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "mnistt"], "mnistt"),
        (["--dataset", "./no/such/folder"], "no/such/folder"),
        (["--teacher", "resnet"], "Unknown model 'resnet'; use one of mlp"),
        (["--student", "resnet"], "Unknown model 'resnet'; use one of mlp"),
        (["--method", "magic"], "Unknown method 'magic'; use one of kd"),
        (["--teacher-file", "missing.keras"], "There is no model file missing.keras"),
        (["--optimizer", "sgdd"], "Unknown optimizer 'sgdd'"),
    ],
)
def test_mistakes_found_in_the_data_and_models(arguments, message, capsys, tmp_path):
    assert main("distilled", [*QUICK, *arguments, "--runs", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_empty_image_folder(capsys, tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    assert main("distilled", ["--dataset", str(tmp_path / "photos"), "--image-size", "16"]) == 2
    assert "photos" in capsys.readouterr().err


def test_runs_where_nothing_can_be_written(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert main("teacher", [*QUICK, "--runs", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Not a directory; see --runs" in error
    assert error.count("\n") == 1


def test_ctrl_c(capsys, monkeypatch):
    def interrupt(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("distill.experiments.experiment.run_experiment", interrupt)
    assert main("distilled", []) == 130
    assert "the same command, without --fresh, goes on" in capsys.readouterr().err


def test_the_whole_main_job_as_a_script(tmp_path):
    arguments = ["distillation_train.py", *QUICK, "--seeds", "2"]
    first = script(*arguments, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    for text in (
        "it is trained first", "Check before distillation", "teacher", "student from labels",
        "student distilled", "test accuracy", "cannot be told from 2 seeds",
    ):  # fmt: skip
        assert text in " ".join(first.stdout.split())
    (comparison,) = (tmp_path / "runs" / "digits").glob("comparison-digits-*")
    (cell,) = json.loads((comparison / "results.json").read_text())["cells"]
    assert [len(runs) for runs in cell["runs"].values()] == [2, 2, 2]
    assert (comparison / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert (comparison / "report.html").exists()
    # The table says what the runs' own files say.
    accuracies = [
        json.loads((comparison / name / "metrics.json").read_text())["last"]["test"]["accuracy"]
        for name in cell["runs"]["distilled"]
    ]
    shown = f"{np.mean(accuracies) * 100:.2f} ± {np.std(accuracies, ddof=1) * 100:.2f} %"
    assert shown in first.stdout
    assert shown in (comparison / "table.md").read_text()

    second = script(*arguments, cwd=tmp_path)
    assert second.returncode == 0
    assert second.stdout.count("reused from") == 6
    assert second.stdout.split("mean ± std")[1] == first.stdout.split("mean ± std")[1]


@pytest.mark.parametrize(("name", "role"), [("teacher_train", "teacher"),
                                            ("student_train", "student")])  # fmt: skip
def test_the_other_two_scripts(name, role, capsys, tmp_path, monkeypatch):
    """In this process, which has loaded TensorFlow already."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *QUICK, "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    (run,) = (tmp_path / "digits").glob(f"{role}-*-seed0-*")
    assert (run / f"{role}.keras").exists()
    (results,) = (tmp_path / "digits").glob(f"{role}-digits-*")
    assert (results / "learning_curves.png").exists()
    assert (results / "report.html").exists()
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("door", ["teacher", "student", "distilled"])
def test_preview_draws_and_trains_nothing(door, capsys, tmp_path, monkeypatch):
    roles, path = [], tmp_path / "preview.png"

    def watch(path, recipe, role):
        roles.append((recipe.shift, role))
        return draw(path, recipe, role)

    from distill.report import preview

    draw = preview.preview_recipe
    monkeypatch.setattr(preview, "preview_recipe", watch)
    arguments = ["--shift", "1", "--preview", str(path), "--runs", str(tmp_path / "runs")]
    assert main(door, arguments) == 0
    assert roles == [(1, door)]
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["preview.png"]
    printed = capsys.readouterr().out
    assert str(path) in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preview", "x.jpg"], "'x.jpg', and its name must end in .png"),
        (["--preview", "x.png", "--augmentation", "flop"], "Unknown augmentation 'flop'"),
        (["--preview", "x.png", "--augmentation", "rand_augment"], "needs images of 3 channels"),
    ],
)
def test_mistakes_of_a_preview(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main("student", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())

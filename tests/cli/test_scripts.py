"""The three scripts as a user runs them: without TensorFlow where possible, and what they call."""

import os
import runpy
import subprocess
import sys
import types
from pathlib import Path

import pytest

from distill.cli import main
from distill.recipes import RECIPES

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = {
    "teacher_train": ("teacher",),
    "student_train": ("baseline",),
    "distillation_train": ("teacher", "baseline", "distilled"),
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--epohcs", "3"],
        ["--list", "recipes"],
        ["--list", "settings"],
        ["--list", "studies"],
        ["--grid", "temperature"],
        ["--study", "warmth"],
    ],
)
def test_nobody_waits_for_tensorflow(arguments):
    script = (
        f"import sys; from distill.cli import main; main('distilled', {arguments}); "
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.fixture
def seen(monkeypatch):
    """What the scripts ask of `run_experiment`, which is not run."""
    calls = []

    def run_experiment(recipe, runs, **options):
        calls.append({"recipe": recipe, "runs": runs, **options})
        return types.SimpleNamespace(failures=calls[0].get("fail", ()), not_exported=None)

    stub = types.ModuleType("distill.experiment")
    stub.run_experiment = run_experiment
    monkeypatch.setitem(sys.modules, "distill.experiment", stub)
    return calls


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_each_script_trains(name, seen, monkeypatch, capsys):
    command = [f"{name}.py", "--runs", "elsewhere", "--retrain"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    assert seen == [
        {
            "recipe": RECIPES["digits"],
            "runs": Path("elsewhere"),
            "axes": [],
            "variants": SCRIPTS[name],
            "retrain": True,
            "command": command,
        }
    ]
    assert capsys.readouterr().out.startswith("TensorFlow ")


def test_grids_studies_and_ablations(seen):
    for arguments in (
        "--grid temperature=1,2 student.options.hidden=4,8",
        "--study alpha --grid temperature=1,2",
        "--grid alpha=0.5 temperature=1,2",
        "--ablations",
        "--ablations hard-labels",
    ):
        assert main("distilled", arguments.split()) == 0
    fields = [[axis.field for axis in call["axes"]] for call in seen]
    assert fields == [
        ["distillation.temperature", "student.options.hidden"],
        ["distillation.alpha", "distillation.temperature"],
        ["distillation.temperature"],
        [],
        [],
    ]
    assert seen[2]["recipe"].distillation.alpha == 0.5
    trained = ("teacher", "baseline", "distilled")
    assert [call["variants"] for call in seen[:3]] == [trained] * 3
    assert seen[3]["variants"][:4] == (*trained, "label-smoothing")
    assert len(seen[3]["variants"]) > 5
    assert seen[4]["variants"] == (*trained, "hard-labels")


def test_the_status_tells_of_failed_runs(monkeypatch):
    stub = types.ModuleType("distill.experiment")
    outcome = types.SimpleNamespace(failures=["one"], not_exported=None)
    stub.run_experiment = lambda *_, **__: outcome
    monkeypatch.setitem(sys.modules, "distill.experiment", stub)
    assert main("distilled", []) == 1
    outcome.failures, outcome.not_exported = [], "The file is too different."
    assert main("distilled", []) == 1
    outcome.not_exported = None
    assert main("distilled", []) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--grid temperature", "'temperature' does not have the form SETTING=VALUE,VALUE"),
        ("--grid tempreature=1,2", "A recipe has no setting 'tempreature'"),
        ("--grid temperature=1,warm", "temperature is 'warm', and must be a number"),
        ("--grid seeds=1,2", "A grid cannot vary 'experiment.seeds'"),
        ("--grid foo", "'foo' does not have the form"),
        ("--study nope", "digits has no study 'nope'; use one of temperature"),
        ("--ablations nope", "Unknown ablation 'nope'; use some of label-smoothing"),
    ],
)
def test_mistakes(arguments, message, seen, capsys):
    assert main("distilled", arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not seen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--dataset mnistt", "mnistt"),
        ("--dataset ./no/such/folder", "no/such/folder"),
        ("--teacher resnet", "Unknown model 'resnet'; use one of mlp"),
        ("--student resnet", "Unknown model 'resnet'; use one of mlp"),
        ("--method magic", "Unknown method 'magic'; use one of kd"),
        ("--teacher.file missing.keras", "missing.keras"),
        ("--training.optimizer_options clipnorm=abc", "clipnorm"),
        ("--grid temperature=1,-2", "temperature is -2.0, and must be a number above 0"),
        ("--grid student.options.hiden=4", "no option 'hiden'"),
        ("--data.student_exclude 11", "digits has no class '11'"),
    ],
)
def test_mistakes_found_in_data_and_models(arguments, message, capsys, tmp_path):
    quick = ["--epochs", "1", "--seeds", "1", "--runs", str(tmp_path / "runs")]
    assert main("distilled", [*quick, *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("script", ["teacher", "baseline", "distilled"])
def test_preview_draws_and_trains_nothing(script, seen, capsys, tmp_path):
    path = tmp_path / "preview.png"
    arguments = ["--training.translation", "1", "--preview", str(path)]
    assert main(script, arguments) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["preview.png"]
    printed = capsys.readouterr().out
    assert str(path) in printed
    assert printed.count("\n") == 1
    assert not seen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--preview x.jpg", "x.jpg"),
        ("--preview x.png --training.augmentation flop", "Unknown augmentation 'flop'"),
        ("--preview x.png --training.augmentation rand_augment", "needs images of 3 channels"),
    ],
)
def test_mistakes_of_a_preview(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main("baseline", arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_of_images(capsys, tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    arguments = ["--dataset", str(tmp_path / "photos"), "--data.image_size", "16"]
    assert main("distilled", [*arguments, "--runs", str(tmp_path / "runs")]) == 2
    assert "photos" in capsys.readouterr().err


def test_runs_where_nothing_can_be_written(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert main("teacher", ["--epochs", "1", "--runs", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Not a directory; see --runs" in error
    assert error.count("\n") == 1


def test_the_main_script_says_nothing_but_what_it_trains(tmp_path):
    """A process of its own, as TensorFlow's start-up notes come from C++ code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # set by conftest.py; a user has none
    quick = ["--epochs", "1", "--batch-size", "256", "--seeds", "1"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "student_train.py"), *quick],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("TensorFlow ")
    assert "test accuracy" in done.stdout

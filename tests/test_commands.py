"""`python -m distill` as a user meets it: help without Keras, mistakes in one sentence."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from distill.commands import COMMANDS, main

ROOT = Path(__file__).parent.parent


def test_help_names_every_command_and_needs_no_keras():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "distill", "--help"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0
    assert "Inspect, compare, report, export and use finished runs." in done.stdout
    for command in COMMANDS:
        assert f" {command} " in done.stdout
    assert "keras" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"python -m distill {command}" in text
    assert COMMANDS[command].__doc__.splitlines()[0].split()[0] in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "A command is missing; use one of list, compare, report, results"),
        ("lisst", "There is no command 'lisst'; did you mean list?"),
        ("frobnicate", "There is no command 'frobnicate'; use one of list, compare"),
        ("list --rons x", "There is no flag --rons; did you mean --runs?"),
        ("list --runs nowhere", "There is no folder nowhere"),
        ("compare one", "SECOND needs a value; see --help"),
        ("compare one two", "one"),
        ("compare one two three", "'three' belongs to no flag"),
        ("compare one two --checkpoint first", 'Choose from: "last", "best"'),
        ("report nowhere", "nowhere"),
        ("report", "FOLDER needs a value"),
        ("results nowhere.md.j2", "nowhere.md.j2"),
        ("export", "RUN needs a value"),
        ("export nowhere", "A format is missing; give --format with some of saved-model, litert"),
        ("export nowhere --format caffe", "Unknown format 'caffe'; use one of saved-model, litert"),
        ("export nowhere --format saved-model", "The folder nowhere holds no complete run"),
        ("export nowhere --format saved-model --threads 0", "threads is 0, and must be"),
        ("predict", "MODEL needs a value"),
        ("predict model.onnx", "IMAGES needs a value"),
        ("predict model.onnx nowhere.png", "There is no image or folder nowhere.png"),
        ("predict model.onnx .", "The folder . holds no images"),
        ("predict model.onnx . --json --csv", "--json and --csv exclude each other"),
        ("predict model.onnx . --top 0", "top is 0, and must be a whole number, at least 1"),
    ],
)
def test_mistakes(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_what_each_command_calls(monkeypatch, capsys):
    calls, given = [], {}

    def recorder(name):
        return lambda *words, **more: (
            given.update(more) or calls.append((name, *words)) or "page.md"
        )

    for module, names in (
        ("inspect", ("list_runs", "compare_runs", "rebuild_report")),
        ("results_page", ("write_results_page",)),
    ):
        stub = types.ModuleType(f"distill.analysis.{module}")
        for name in names:
            setattr(stub, name, recorder(name))
        monkeypatch.setitem(sys.modules, stub.__name__, stub)
        monkeypatch.setattr(f"distill.analysis.{module}", stub)
    stub = types.ModuleType("distill.deployment")
    stub.export_run, stub.predict = recorder("export_run"), lambda *words, **more: 1
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    for arguments in (
        "list",
        "list --runs other",
        "compare one two --checkpoint best",
        "report one",
        "results page.md.j2 --runs other",
        "export one --format onnx litert --softmax --input-size 96 --output two",
    ):
        assert main(arguments.split()) == 0
    assert calls == [
        ("list_runs", Path("runs")),
        ("list_runs", Path("other")),
        ("compare_runs", Path("one"), Path("two"), "best"),
        ("rebuild_report", Path("one")),
        ("write_results_page", Path("page.md.j2"), Path("other")),
        ("export_run", Path("one"), ("onnx", "litert")),
    ]
    assert given["input_size"] == 96
    assert given["softmax"]
    assert given["output"] == Path("two")
    assert main(["predict", "one", "a.png", "b.png"]) == 1
    assert "page.md" in capsys.readouterr().out

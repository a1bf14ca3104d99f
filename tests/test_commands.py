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
    assert "Inspect, compare and report finished runs." in done.stdout
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
    calls = []

    def recorder(name):
        return lambda *arguments: calls.append((name, *arguments)) or "page.md"

    for module, names in (
        ("inspect", ("list_runs", "compare_runs", "rebuild_report")),
        ("results_page", ("write_results_page",)),
    ):
        stub = types.ModuleType(f"distill.analysis.{module}")
        for name in names:
            setattr(stub, name, recorder(name))
        monkeypatch.setitem(sys.modules, stub.__name__, stub)
        monkeypatch.setattr(f"distill.analysis.{module}", stub)
    for arguments in (
        "list",
        "list --runs other",
        "compare one two --checkpoint best",
        "report one",
        "results page.md.j2 --runs other",
    ):
        assert main(arguments.split()) == 0
    assert calls == [
        ("list_runs", Path("runs")),
        ("list_runs", Path("other")),
        ("compare_runs", Path("one"), Path("two"), "best"),
        ("rebuild_report", Path("one")),
        ("write_results_page", Path("page.md.j2"), Path("other")),
    ]
    assert "page.md" in capsys.readouterr().out

"""`python -m distill` as a user meets it: help without Keras, mistakes in one sentence."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill.commands import main

ROOT = Path(__file__).parent.parent


def test_help_names_every_command_and_needs_no_keras():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "distill", "--help"],
        capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert time.monotonic() - began < 60
    for command in ("list", "compare", "report"):
        assert f"\n    {command} " in done.stdout
    assert "keras" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND; see python -m distill --help"),
        (["lisst"], "invalid choice: 'lisst'"),
        (["list", "--runs", "nowhere"], "There is no folder nowhere"),
        (["compare", "one"], "required: RUN; see python -m distill compare --help"),
        (["compare", "one", "two"], "The folder one holds no complete run"),
        (["report", "nowhere"], "The folder nowhere holds no results"),
        (["report"], "required: FOLDER"),
    ],
)
def test_mistakes(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["list", "compare", "report"])
def test_help_of_each_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"python -m distill {command}" in capsys.readouterr().out

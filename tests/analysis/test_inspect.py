"""Finished runs listed, compared and reported again, on runs that were really trained."""

import json
import re
import shutil

import numpy as np

from distill.commands import main
from distill.runs import open_run


def test_list_shows_every_run_and_experiment(grid, capsys):
    experiment, _, folder = grid
    assert main(["list", "--runs", str(folder)]) == 0
    printed = capsys.readouterr().out
    for path in folder.glob("*/*/metrics.json"):
        (line,) = [line for line in printed.splitlines() if f"/{path.parent.name} " in line]
        accuracy = open_run(path.parent).metrics["last"]["test"]["accuracy"]
        assert f"{accuracy * 100:.2f} %" in line
    assert f"digits/{experiment.results.folder.name}" in printed
    assert "Best grid point on validation data: temperature " in printed
    assert max(map(len, printed.splitlines()[1:])) <= 82


def test_list_names_what_is_damaged_and_shows_the_rest(grid, capsys, tmp_path):
    shutil.copytree(grid[2], tmp_path / "runs")
    run = next((tmp_path / "runs").glob("digits/teacher-*"))
    (run / "teacher.keras").write_bytes(b"damaged")
    others = sorted((tmp_path / "runs").glob("digits/baseline-*"))[::-1]
    (others[0] / "settings.json").write_text("[]")
    metrics = json.loads((others[1] / "metrics.json").read_text())
    del metrics["last"]["test"]
    (others[1] / "metrics.json").write_text(json.dumps(metrics))
    results = tmp_path / "runs" / "digits" / grid[0].results.folder.name
    (results / "experiment.json").write_text("{}")
    assert main(["list", "--runs", str(tmp_path / "runs")]) == 0
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "digits/distilled-mlp-seed0" in printed
    for folder in (run, *others[:2], results):
        assert folder.name in printed


def test_a_run_of_another_version(grid, capsys, tmp_path):
    shutil.copytree(grid[0].results.points[0].runs["baseline"][0].folder, tmp_path / "run")
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    settings["recipe"]["later_field"] = 1
    (tmp_path / "run" / "settings.json").write_text(json.dumps(settings))
    assert main(["report", str(tmp_path / "run")]) == 2
    assert "A recipe has no setting 'later_field'" in capsys.readouterr().err


def test_compare_two_runs(grid, capsys):
    experiment, _, _ = grid
    first, second = (experiment.results.points[0].runs[name][0] for name in ("teacher", "baseline"))
    assert main(["compare", str(first.folder), str(second.folder)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    labels = first.labels("test")
    correct = [run.predictions("last", "test").argmax(-1) == labels for run in (first, second)]
    only = [int(np.sum(a & ~b)) for a, b in (correct, correct[::-1])]
    assert (
        f"Of 359 test images, only the first model is correct on {only[0]}, and only the second on "
        f"{only[1]}." in printed
    )
    difference = (np.mean(correct[0]) - np.mean(correct[1])) * 100
    assert f"First − second: {difference:+.1f} points of accuracy (95 % interval " in printed
    assert "McNemar's exact test)." in printed
    for row in ("NLL, nats", "ECE, calibrated", "parameters"):
        assert row in printed


def test_runs_of_other_data_are_not_compared(grid, changed, run_small, tmp_path, capsys):
    recipe = changed({"data.image_size": 12, "training.epochs": 1, "experiment.seeds": 1})
    other, _ = run_small(recipe, tmp_path, (), ("baseline",))
    (run,) = other.results.points[0].runs["baseline"]
    mine = grid[0].results.points[0].runs["baseline"][0]
    assert main(["compare", str(run.folder), str(mine.folder)]) == 2
    assert "were tested on different data" in capsys.readouterr().err


def test_the_report_is_made_again(grid, capsys, tmp_path):
    shutil.copytree(grid[2], tmp_path / "runs")  # other tests read the report meanwhile
    results = tmp_path / "runs" / "digits" / grid[0].results.folder.name
    before = (results / "report.html").read_text("utf-8")
    table = (results / "table.md").read_text("utf-8")
    (results / "report.html").unlink()
    assert main(["report", str(results)]) == 0
    assert "Report: " in capsys.readouterr().out
    assert (results / "report.html").read_text("utf-8") == before
    assert (results / "table.md").read_text("utf-8") == table


def test_the_report_of_one_run(grid, capsys):
    run = grid[0].results.points[0].runs["distilled"][0]
    assert main(["report", str(run.folder)]) == 0
    printed = capsys.readouterr().out
    accuracy = run.metrics["last"]["test"]["accuracy"] * 100
    assert f"Distilled student: test accuracy {accuracy:.2f} % (1 seed)." in printed
    assert (run.folder / "report.html").exists()
    assert open_run(run.folder)  # a report harms no run

"""What an experiment's folder holds after its results are written."""

import csv
import io

from rich.console import Console

from distill.analysis.write import write_all, write_report


def test_files_of_a_grid(grid, tmp_path):
    folder = grid[0].results.folder
    for name in ("table.md", "summary.csv", "runs.csv", "report.html", "tensorboard"):
        assert (folder / name).exists(), name
    rows = list(csv.DictReader(io.StringIO((folder / "runs.csv").read_text("utf-8"))))
    runs = {
        run.folder.name
        for point in grid[0].results.points
        for runs in point.runs.values()
        for run in runs
    }
    assert {row["run"] for row in rows} == runs


def test_written_again_it_is_the_same(grid):
    results = grid[0].results
    before = {name: (results.folder / name).read_text("utf-8") for name in ("table.md", "runs.csv")}
    printed = io.StringIO()
    page = write_all(results, Console(file=printed, width=100))
    assert page.sentence in " ".join(printed.getvalue().split())
    assert before == {name: (results.folder / name).read_text("utf-8") for name in before}


def test_the_page_alone(grid):
    path = write_report(grid[0].results)
    assert path.name == "report.html"
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")

"""Results written down and read again; damaged files refused or left out by name."""

import json
import shutil

import pytest

from distill.errors import UserError
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.experiments.results import read_results, write_plan


def test_read_back_what_was_written(grid):
    results = grid[0].results
    again = read_results(results.folder)
    assert again.recipe == results.recipe
    assert again.axes == results.axes
    assert again.arms == results.arms
    assert [cell.setting for cell in again.cells] == [{"temperature": 1.0}, {"temperature": 4.0}]
    assert [cell.recipe.temperature for cell in again.cells] == [1.0, 4.0]
    for cell, wanted in zip(again.cells, results.cells, strict=True):
        for arm, runs in cell.runs.items():
            assert [run.folder for run in runs] == [run.folder for run in wanted.runs[arm]]


def test_tuples_and_none_survive(changed, tmp_path):
    axes = [make_axis("omitted_classes", ((), ("3",), ("7", "8"))),
            make_axis("teacher_epochs", (None, 1))]  # fmt: skip
    plan = make_plan(changed(), axes, ("teacher", "distilled"), tmp_path)
    command = ["x.py", "--grid", "a=b c"]
    results = read_results(write_plan(plan, command))
    assert results.command == command
    assert list(results.axes) == axes
    assert results.cells[4].setting == {"omitted_classes": ("7", "8"), "teacher_epochs": None}
    assert results.missing == 6 * 2 * 2


def test_the_folder_can_be_moved_as_a_whole(grid, tmp_path):
    experiment, _, folder = grid
    shutil.copytree(folder, tmp_path / "elsewhere")
    place = tmp_path / "elsewhere" / experiment.results.folder.relative_to(folder)
    results = read_results(place)
    assert not results.missing
    assert all(tmp_path in run.folder.parents for run in results.cells[0].runs["teacher"])


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"recipe": 1}', '{"recipe": {"x": 1}}'])
def test_damaged_results(damage, tmp_path):
    (tmp_path / "results.json").write_text(damage)
    with pytest.raises(UserError, match=r"results\.json"):
        read_results(tmp_path)


def test_a_folder_without_results(tmp_path):
    with pytest.raises(UserError, match="holds no results of an experiment"):
        read_results(tmp_path)


def test_a_damaged_run_is_left_out_and_named(grid, tmp_path):
    experiment, _, folder = grid
    shutil.copytree(folder, tmp_path / "runs")
    results = experiment.results
    run = results.cells[0].runs["student"][0].folder.relative_to(folder)
    (tmp_path / "runs" / run / "metrics.json").write_text(json.dumps({"last": 1}))
    again = read_results(tmp_path / "runs" / results.folder.relative_to(folder))
    assert again.missing == 2  # once in each of the two settings
    (sentence,) = again.damaged
    assert str(run) in sentence

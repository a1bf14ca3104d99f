"""Experiments written and read again; what is damaged is refused, or left out by name."""

import json
import shutil

import numpy as np
import pytest

from distill.analysis.page.report import make_page
from distill.analysis.reading import read_results
from distill.errors import UserError
from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan, write_plan
from distill.experiments.variants import MAIN_VARIANTS


def test_read_back_what_was_written(grid):
    results = grid[0].results
    again = read_results(results.folder)
    assert again == results
    assert [point.setting["distillation.temperature"] for point in again.points] == [1.0, 4.0]
    assert [point.recipe.distillation.temperature for point in again.points] == [1.0, 4.0]
    assert set(again.points[0].runs) == {*MAIN_VARIANTS, "shuffled-teacher"}


def test_tuples_and_none_survive(changed, tmp_path):
    axes = [
        make_axis("data.student_exclude", ((), ("3",), ("7", "8"))),
        make_axis("teacher.training.epochs", (None, 1)),
    ]
    plan = make_plan(changed({}), axes, ("teacher", "distilled"), tmp_path)
    command = ["x.py", "--grid", "a=b c"]
    results = read_results(write_plan(plan, command))
    assert results.command == command
    assert list(results.axes) == axes
    assert results.points[4].setting == {
        "data.student_exclude": ("7", "8"),
        "teacher.training.epochs": None,
    }
    assert results.missing == 6 * 2 * 2


def test_the_folder_can_be_moved_as_a_whole(grid, tmp_path):
    experiment, _, folder = grid
    shutil.copytree(folder, tmp_path / "elsewhere")
    place = tmp_path / "elsewhere" / experiment.results.folder.relative_to(folder)
    results = read_results(place)
    assert not results.missing
    assert all(tmp_path in run.folder.parents for run in results.points[0].runs["teacher"])


@pytest.mark.parametrize("content", ["{", "{F}", '{F, "recipe": 1}', '{F, "recipe": {"x": 1}}'])
def test_a_damaged_experiment(content, tmp_path):
    (tmp_path / "experiment.json").write_text(content.replace("F", '"format": 2'))
    with pytest.raises(UserError, match=r"experiment\.json .*damaged"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"), [("[]", "none"), ("{}", "none"), ('{"format": 3}', "3")]
)
def test_another_format(content, found, tmp_path):
    (tmp_path / "experiment.json").write_text(content)
    message = f"has format {found}, and this version of distill reads format 2; run the experiment"
    with pytest.raises(UserError, match=message):
        read_results(tmp_path)


def test_a_folder_without_an_experiment(tmp_path):
    with pytest.raises(UserError, match=r"holds no experiment \(experiment\.json\); give one that"):
        read_results(tmp_path)


def lose_metrics(run):
    (run / "metrics.json").write_text(json.dumps({"last": 1}))


def lose_a_measure(run):
    metrics = json.loads((run / "metrics.json").read_text())
    for checkpoint in ("last", "best"):
        del metrics[checkpoint]["test"]["nll"]
    (run / "metrics.json").write_text(json.dumps(metrics))


def lose_half_the_predictions(run):
    path = run / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-100])


def lose_labels(run):
    np.savez(run / "predictions.npz", last_test=np.zeros((3, 10)))


def lose_history(run):
    (run / "history.csv").write_text("epoch,loss\n1,nonsense\n")


@pytest.mark.parametrize(
    "damage",
    [lose_metrics, lose_a_measure, lose_half_the_predictions, lose_labels, lose_history],
)
def test_a_damaged_run_is_named_and_does_not_hide_the_others(damage, grid, tmp_path):
    experiment, _, folder = grid
    shutil.copytree(folder, tmp_path / "runs")
    results = experiment.results
    run = results.points[0].runs["baseline"][0].folder.relative_to(folder)
    damage(tmp_path / "runs" / run)
    again = read_results(tmp_path / "runs" / results.folder.relative_to(folder))
    assert again.missing == 2  # once at each of the two grid points
    (sentence,) = again.damaged
    assert str(run) in sentence
    page = make_page(again)
    assert sentence in page.more
    assert [section.title for section in page.sections] == [
        section.title for section in experiment.page.sections
    ]

"""The record of an experiment: where its runs lie, relative to the results."""

import json

from distill.experiments.grid import make_axis
from distill.experiments.plan import make_plan
from distill.experiments.record import FILE, FORMAT, write_plan
from distill.files import read_json
from distill.recipes import Recipe


def test_what_is_written_down(changed, tmp_path):
    recipe = changed({"experiment.seeds": 2})
    axes = [make_axis("data.student_exclude", ((), ("3",)))]
    plan = make_plan(recipe, axes, ("teacher", "distilled"), tmp_path)
    folder = write_plan(plan, ["distillation_train.py"])
    assert folder == plan.folder
    record = read_json(folder / FILE)
    assert record["format"] == FORMAT
    assert record["command"] == ["distillation_train.py"]
    assert record["variants"] == ["teacher", "distilled"]
    assert Recipe.from_json(json.dumps(record["recipe"])) == recipe
    assert record["axes"] == [{"field": "data.student_exclude", "values": [[], ["3"]]}]
    assert [point["setting"] for point in record["points"]] == [
        {"data.student_exclude": []},
        {"data.student_exclude": ["3"]},
    ]
    for planned, point in zip(plan.points, record["points"], strict=True):
        for variant, keys in planned.runs.items():
            folders = [plan.specs[key].folder for key in keys]
            assert [(folder / run).resolve() for run in point["runs"][variant]] == folders


def test_runs_elsewhere_are_found_from_the_results(changed, tmp_path, monkeypatch):
    """Relative names hold when the folder of all runs is moved."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(changed({"experiment.seeds": 1}), [], ("teacher",), "runs")
    (point,) = read_json(write_plan(plan, None) / FILE)["points"]
    (run,) = point["runs"]["teacher"]
    assert run == f"../{next(iter(plan.specs.values())).folder.name}"

"""Sections about models: quality and cost against numbers worked out by hand, confusions."""

import numpy as np
import pytest

from distill.analysis.page.parts import Picture
from distill.analysis.page.report import make_page
from distill.experiments.grid import make_axis
from distill.files import read_json


@pytest.fixture(scope="module")
def page(grid):
    return make_page(grid[0].results)


def test_quality_and_cost(page):
    table = page.section("Quality, calibration and cost").items[0]
    rows = {row[0]: row[1:] for row in table.rows}
    # By hand: student 64·8 + 8·10; teacher 8·8·2·9·1, 64·2·9·2, 16·4·9·2, 16·4·9·4, 16·16, 16·10
    teacher = 64 * 2 * 9 + 64 * 2 * 18 + 16 * 4 * 18 + 16 * 4 * 36 + 16 * 16 + 16 * 10
    assert rows["multiply-adds"] == [f"{teacher:,}", "592", "592", "592"]
    assert rows["weights, kB"][1] == "2.4"  # (592 + 18) · 4 bytes
    assert rows["agreement with teacher"][0] == "–"
    assert {len(row) for row in rows.values()} == {4}
    assert {"top-5 accuracy", "ECE, calibrated", "latency, batch 1, ms"} <= set(rows)
    assert {"latency, batch 32, ms", "images per second, batch 32"} <= set(rows)


def test_models_of_several_image_sizes_are_measured_each_at_its_own(changed, run_small, tmp_path):
    teacher = {"teacher.model": "mlp", "teacher.options": {"hidden": 16, "depth": 1}}
    axes = (make_axis("data.image_size", (8, 16)),)
    recipe = changed({**teacher, "experiment.seeds": 1, "training.epochs": 1})
    experiment, _ = run_small(recipe, tmp_path, axes, ("teacher", "baseline"))
    known = read_json(experiment.results.folder / "cost.json")
    found = {cost["adds"] for cost in known.values()}
    pairs = [(size * size, hidden) for size in (8, 16) for hidden in (8, 16)]
    assert found == {pixels * hidden + hidden * 10 for pixels, hidden in pairs}


def test_confusions_and_the_errors_alone(page, grid):
    section = page.section("Which classes are confused")
    runs = grid[0].results.best_point().runs["distilled"]
    errors = np.mean([run.metrics["last"]["test"]["errors"] for run in runs])
    pictures = [item.figure for item in section.items if isinstance(item, Picture)]
    sums = [sum(float(text.get_text()) for text in figure.axes[0].texts) for figure in pictures]
    assert sums == pytest.approx([359, errors])

"""What a run's model costs: measured once, kept, and asked for again from the file."""

import pytest

from distill.analysis import costs
from distill.analysis.costs import BATCHES, cost
from distill.files import read_json


def test_a_student_costs_what_its_layers_say(grid, monkeypatch):
    results = grid[0].results
    run = results.points[0].present("distilled")[0]
    data = results.data(results.points[0].setting)
    found = cost(results, run, data)
    # By hand: 64 inputs, 8 hidden units, 10 classes; each weight has 4 bytes.
    assert found.adds == 64 * 8 + 8 * 10
    assert found.weight_bytes == 4 * (64 * 8 + 8 + 8 * 10 + 10)
    assert [each.batch_size for each in found.speeds] == [*BATCHES]
    # Another seed and another temperature is the same network: nothing is measured again.
    monkeypatch.setattr(costs, "speed", lambda *_: pytest.fail("it was measured again"))
    for point in results.points:
        for other in point.present("distilled"):
            assert cost(results, other, data) == found
    assert len(read_json(results.folder / "cost.json")) == 2  # teacher and student

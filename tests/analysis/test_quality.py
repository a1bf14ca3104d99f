"""Quality of a run's model, against NumPy and SciPy from its stored predictions."""

import numpy as np
import pytest
from scipy.special import log_softmax

from distill.analysis.quality import quality, quality_rows


def nll(logits, labels):
    return -np.mean(log_softmax(logits, -1)[np.arange(len(labels)), labels])


@pytest.mark.parametrize("checkpoint", ["last", "best"])
def test_quality_of_a_run(grid, checkpoint):
    point = grid[0].results.points[1]
    run, teacher = point.runs["distilled"][0], point.runs["teacher"][0]
    found = quality(run, checkpoint, teacher)
    test, labels = run.predictions(checkpoint, "test"), run.labels("test")
    validation = run.predictions(checkpoint, "validation"), run.labels("validation")
    # The temperature on validation data, by trying many.
    tried = np.geomspace(0.05, 20, 4000)
    best = tried[np.argmin([nll(validation[0] / each, validation[1]) for each in tried])]
    assert found["calibration temperature"] == pytest.approx(best, rel=0.01)
    assert found["NLL, nats"] == pytest.approx(nll(test, labels))
    calibrated = nll(test / found["calibration temperature"], labels)
    assert found["NLL, calibrated"] == pytest.approx(calibrated, rel=1e-9)
    assert found["NLL, calibrated"] != pytest.approx(found["NLL, nats"], rel=1e-5)
    assert found["errors"] == np.sum(test.argmax(-1) != labels)
    same = np.mean(teacher.predictions("last", "test").argmax(-1) == test.argmax(-1))
    assert found["agreement with teacher"] == pytest.approx(same)


def test_rows_are_means_over_seeds_and_leave_out_what_nobody_has():
    columns = [
        [{"accuracy": 0.9, "errors": 10}, {"accuracy": 0.8, "errors": 20}],
        [{"accuracy": 0.5, "errors": 50, "agreement with teacher": 0.25}],
    ]
    assert quality_rows(columns) == [
        ["accuracy", "85.00 ± 7.07 %", "50.00 %"],
        ["errors", "15.0 ± 7.1", "50"],
        ["agreement with teacher", "–", "25.00 %"],
    ]

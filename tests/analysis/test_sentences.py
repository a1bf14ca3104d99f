"""The sentences about an experiment, word for word, on accuracies that are made up."""

import math

import numpy as np
import pytest

from distill.analysis.costs import Cost
from distill.analysis.sentences import deployment, sentences, verdict
from distill.analysis.statistics import PairedDifference, paired_difference, seeds_needed
from distill.evaluation.cost import Speed
from distill.experiments.grid import Axis
from distill.files import write_arrays

NOTHING = (-math.inf, math.inf, math.nan)


@pytest.mark.parametrize(
    ("difference", "before", "after", "sentence"),
    [
        (
            PairedDifference(0.034, 0.026, 0.041, 0.0002, 5),
            0.920,
            0.954,
            "Distillation helped: test accuracy rose from 92.0 % to 95.4 %, by 3.4 points "
            "(95 % interval +2.6 to +4.1, p < 0.001, 5 seeds).",
        ),
        (
            PairedDifference(-0.012, -0.020, -0.004, 0.012, 5),
            0.960,
            0.948,
            "Distillation hurt: test accuracy fell from 96.0 % to 94.8 %, by 1.2 points "
            "(95 % interval -2.0 to -0.4, p = 0.012, 5 seeds).",
        ),
        (
            PairedDifference(0.002, -0.005, 0.009, 0.47, 5),
            0.950,
            0.952,
            "Inconclusive with 5 seeds: test accuracy rose from 95.0 % to 95.2 %, by 0.2 points "
            "(95 % interval -0.5 to +0.9, p = 0.47, 5 seeds).",
        ),
        (
            PairedDifference(0.003, -0.001, 0.007, 0.11, 5, 0.0035, 0.86),
            0.950,
            0.953,
            "Inconclusive with 5 seeds: test accuracy rose from 95.0 % to 95.3 %, by 0.3 points "
            "(95 % interval -0.1 to +0.7, p = 0.11, 5 seeds); about 13 seeds would be needed to "
            "detect a difference of 0.3 points.",
        ),
        (
            PairedDifference(-0.0006, -0.0043, 0.0031, 0.68, 5, 0.003, 0.2),
            0.951,
            0.950,
            "Inconclusive with 5 seeds: test accuracy fell from 95.1 % to 95.0 %, by 0.1 points "
            "(95 % interval -0.4 to +0.3, p = 0.68, 5 seeds); about 199 seeds would be needed to "
            "detect a difference of 0.1 points.",
        ),
        (
            PairedDifference(0.0001, -0.04, 0.04, 0.99, 5, 0.5, 0.0),
            0.950,
            0.950,
            "Inconclusive with 5 seeds: test accuracy rose from 95.0 % to 95.0 %, by 0.0 points "
            "(95 % interval -4.0 to +4.0, p = 0.99, 5 seeds); more than 1000 seeds would be needed "
            "to detect a difference of 0.5 points.",
        ),
        (
            PairedDifference(0.0001, -0.002, 0.0022, 0.9, 8, 0.002, 0.05),
            0.950,
            0.950,
            "Equivalent within 0.3 points: test accuracy rose from 95.0 % to 95.0 %, by 0.0 points "
            "(95 % interval -0.2 to +0.2, p = 0.9, 8 seeds).",
        ),
        (
            PairedDifference(0.0, -0.002, 0.002, 1.0, 8, 0.002, 0.0),
            0.950,
            0.950,
            "Equivalent within 0.2 points: test accuracy stayed at 95.0 % "
            "(95 % interval -0.2 to +0.2, p = 1, 8 seeds).",
        ),
        (
            PairedDifference(0.1, *NOTHING, 1),
            0.800,
            0.900,
            "Inconclusive with 1 seed: test accuracy rose from 80.0 % to 90.0 %, by 10.0 points "
            "(1 seed: too few for an interval); run 5 seeds (--seeds 5).",
        ),
        (
            PairedDifference(0.0, *NOTHING, 1),
            0.831,
            0.831,
            "Inconclusive with 1 seed: test accuracy stayed at 83.1 % "
            "(1 seed: too few for an interval); run 5 seeds (--seeds 5).",
        ),
        (
            PairedDifference(-0.1, *NOTHING, 2),
            0.900,
            0.800,
            "Inconclusive with 2 seeds: test accuracy fell from 90.0 % to 80.0 %, by 10.0 points "
            "(2 seeds: too few for an interval); run 5 seeds (--seeds 5).",
        ),
    ],
)
def test_verdicts(difference, before, after, sentence):
    assert verdict(difference, before, after) == sentence


def test_a_corrected_verdict_says_so():
    difference = PairedDifference(0.034, 0.02, 0.048, 0.01, 5, 0.006, 5.7, comparisons=5)
    assert verdict(difference, 0.92, 0.954) == (
        "Distillation helped: test accuracy rose from 92.0 % to 95.4 %, by 3.4 points (95 % "
        "interval +2.0 to +4.8, p = 0.01, 5 seeds; corrected for 5 comparisons)."
    )


@pytest.mark.parametrize(("comparisons", "needed"), [(1, 10), (5, 16)])
def test_more_comparisons_need_more_seeds(comparisons, needed):
    """d = 1: 10 seeds alone, 16 at the level 0.05/5."""
    difference = PairedDifference(0.01, -0.0024, 0.0224, 0.089, 5, 0.01, 1.0, comparisons)
    said = verdict(difference, 0.92, 0.93)
    assert said.endswith(
        f"; about {needed} seeds would be needed to detect a difference of 1.0 points."
    )


def test_it_does_not_ask_for_fewer_seeds_than_there_are():
    """Differences +0.1, +0.2, −0.2, 0 and −0.25 points: 4 seeds would detect half a point."""
    difference = paired_difference([0.951, 0.952, 0.948, 0.95, 0.9475], [0.95] * 5)
    assert seeds_needed(0.005, difference.std) == 4
    said = verdict(difference, 0.95, 0.95)
    assert said.startswith("Inconclusive with 5 seeds")
    assert said.endswith("(95 % interval -0.3 to +0.2, p = 0.74, 5 seeds).")


@pytest.mark.parametrize(("resolution", "within"), [(0.0, "0.0"), (1 / 3600, "0.1")])
def test_equal_accuracies_are_equivalent(resolution, within):
    equal = [0.9, 0.91, 0.92]
    said = verdict(paired_difference(equal, equal, resolution), 0.91, 0.91)
    assert said.startswith(f"Equivalent within {within} points: test accuracy stayed at 91.0 %")


BASELINE = (0.90, 0.91, 0.92, 0.90, 0.91)
BETTER = (0.95, 0.955, 0.95, 0.945, 0.96)
ALIKE = (0.91, 0.90, 0.925, 0.895, 0.91)
AXIS = [Axis("distillation.temperature", (1.0, 2.0, 4.0))]


def test_a_grid_speaks_of_its_best_point_and_counts_the_others(fake_results):
    """The best point is chosen on validation data, where the worst on the test set is ahead."""
    accuracies = {1.0: (ALIKE, 0.97), 2.0: (BETTER, 0.95), 4.0: (BETTER, 0.96)}
    points = [
        ({"distillation.temperature": value}, {"baseline": (BASELINE,), "distilled": distilled})
        for value, distilled in accuracies.items()
    ]
    best, others = sentences(fake_results(*points, axes=AXIS))
    assert best.startswith(
        "Best grid point on validation data: temperature 1. Inconclusive with 5 seeds: test "
        "accuracy "
    )
    assert "5 seeds; corrected for 3 comparisons)" in best
    assert others == (
        "Over 3 grid points: distillation helped at 2, hurt at 0, was equivalent to the baseline "
        "at 0 and inconclusive at 1."
    )


def test_a_negative_result(fake_results):
    worse = fake_results(({}, {"baseline": (BETTER,), "distilled": (BASELINE,)}))
    assert sentences(worse)[0].startswith("Distillation hurt: test accuracy fell from 95.2")


def test_missing_runs(fake_results):
    accuracies = {"baseline": ((0.9, None, 0.92),), "distilled": ((0.95, 0.96, None),)}
    assert sentences(fake_results(({}, accuracies)))[-1] == (
        "2 runs are missing; these results cover the others."
    )
    nothing = fake_results(({}, {"baseline": ((None,),), "distilled": ((None,),)}))
    assert sentences(nothing)[0] == "No run is complete yet."


def test_ablations(fake_results):
    variants = ("baseline", "distilled", "shuffled-teacher", "hard-labels", "equal-time")
    accuracies = (BASELINE, BETTER, BETTER, BASELINE, (0.99, 0.985, None, None, None))
    points = {}, {variant: (each,) for variant, each in zip(variants, accuracies, strict=True)}
    shuffled, hard, equal_time, _ = sentences(fake_results(points, variants=variants))[1:]
    assert shuffled.startswith('Compared with "shuffled teacher": equivalent, +0.0 points (95 %')
    assert hard.startswith(
        'Compared with "teacher\'s predictions as labels", the distilled student is 4.4 points '
        "better (95 % interval "
    )
    assert hard.endswith("5 seeds; corrected for 2 comparisons).")
    assert equal_time == (
        'Compared with "baseline, same training time": inconclusive, -3.5 points (2 seeds: too few '
        "for an interval)."
    )


def test_a_single_variant(fake_results):
    alone = fake_results(({}, {"teacher": ((0.98, 0.97),)}), variants=("teacher",))
    assert sentences(alone) == ["Teacher: test accuracy 97.50 ± 0.71 % (2 seeds)."]
    one = fake_results(({}, {"teacher": ((0.98,),)}), variants=("teacher",))
    assert sentences(one) == ["Teacher: test accuracy 98.00 % (1 seed)."]


def test_a_grid_of_a_single_variant_names_its_best_point(fake_results):
    points = [
        ({"training.learning_rate": 0.1}, {"teacher": ((0.98, 0.97), 0.9)}),
        ({"training.learning_rate": 0.2}, {"teacher": ((0.96, 0.95), 0.95)}),
    ]
    rates = [Axis("training.learning_rate", (0.1, 0.2))]
    (said,) = sentences(fake_results(*points, axes=rates, variants=("teacher",)))
    assert said == (
        "Best grid point on validation data: learning rate 0.2. Teacher: test accuracy "
        "95.50 ± 0.71 % (2 seeds)."
    )


def test_equal_students_in_small_studies_are_seldom_told_apart(fake_results):
    """The whole way from runs to sentence: no effect, 5 grid points of 5 seeds, 359 examples."""
    random, claims = np.random.default_rng(3), 0
    axis = [Axis("distillation.temperature", (1.0, 2.0, 4.0, 8.0, 16.0))]
    for _ in range(200):
        baseline = random.binomial(359, 0.93, 5) / 359
        points = []
        for value in axis[0].values:
            distilled = random.binomial(359, 0.93, 5) / 359
            accuracies = {"baseline": (baseline,), "distilled": (distilled,)}
            points.append(({"distillation.temperature": value}, accuracies))
        said = sentences(fake_results(*points, axes=axis))
        claims += "Distillation helped" in said[0] or "Distillation hurt" in said[0]
    assert claims / 200 <= 0.10


def took(run, times):
    """The cost of a run; latency and its quartiles, by the role of the run."""
    time, low, high = times[run.role]
    return Cost(None, 0, (Speed(1, time, low, high, 1000 / time),))


@pytest.fixture
def deploy(fake_results, tmp_path, monkeypatch):
    """Says what can be deployed of a student, with 70 of 100 labels in one class."""

    def deploy(accuracy, teacher_parameters=1000, baseline=0.7, times=None, **limits):
        variants = {"teacher": ((0.95,), None, teacher_parameters, 100)}
        variants |= {"baseline": ((baseline,),), "distilled": ((accuracy,), None, 10, 100)}
        results = fake_results(({}, variants), variants=tuple(variants), **limits)
        (student,) = results.points[0].runs["distilled"]
        monkeypatch.chdir(tmp_path)
        found = None if times is None else "data"
        (point,) = results.points

        def data_of_run(recipe, run):
            assert recipe is point.recipe  # not the grid's: its image size may be another one
            return found

        monkeypatch.setattr("distill.analysis.sentences.data_of_run", data_of_run)
        monkeypatch.setattr(
            "distill.analysis.sentences.cost", lambda _, run, data: took(run, times)
        )
        student.folder.mkdir(exist_ok=True)
        labels = np.repeat([0, 1, 2], [70, 20, 10])
        write_arrays(student.folder / "predictions.npz", test_labels=labels)
        found = deployment(results)
        assert found.run is (student if found.sentence.startswith("Small model") else None)
        return found.sentence

    return deploy


@pytest.mark.parametrize("baseline", [0.80, 0.85, None])
def test_a_small_good_student_is_deployed(deploy, baseline):
    assert deploy(0.85, baseline=baseline) == "Small model to deploy: distilled-0/student.keras"


def test_a_student_below_its_baseline_is_not_offered_in_silence(deploy):
    assert deploy(0.85, baseline=0.86) == (
        "Small model to deploy: distilled-0/student.keras (less accurate than its baseline: test "
        "accuracy 85.00 %, baseline 86.00 %)"
    )


@pytest.mark.parametrize(("low", "is_said"), [(1.3, True), (1.1, False)])
def test_a_slower_student_is_not_offered_in_silence(deploy, low, is_said):
    times = {"distilled": (1.4, low, 1.5), "teacher": (1.1, 1.0, 1.2)}
    said = "slower than its teacher: 1.4 ms for one image, teacher 1.1 ms" in deploy(
        0.85, times=times
    )
    assert said == is_said


def test_limits_of_what_is_deployed(deploy):
    times = {"distilled": (1.4, 1.3, 1.5), "teacher": (5.0, 4.0, 6.0)}
    assert deploy(0.85, times=times, **{"experiment.max_latency_ms": 1.3}) == (
        "No model to deploy: the distilled student takes 1.4 ms, and --max-latency-ms is 1.3."
    )
    assert deploy(0.85, **{"experiment.max_params": 9}) == (
        "No model to deploy: the distilled student has 10 parameters, and --max-params is 9."
    )
    assert deploy(0.85, times=times, **{"experiment.max_latency_ms": 1.4}).startswith("Small")
    assert deploy(0.85, **{"experiment.max_params": 10}).startswith("Small")


@pytest.mark.parametrize("parameters", [10, 9])
def test_a_student_that_is_not_smaller_is_not_deployed(deploy, parameters):
    assert deploy(0.85, teacher_parameters=parameters) == (
        f"No model to deploy: the distilled student has 10 parameters and is not smaller than its "
        f"teacher ({parameters})."
    )


@pytest.mark.parametrize(("accuracy", "is_deployed"), [(0.70, False), (0.77, False), (0.78, True)])
def test_a_student_that_guesses_is_not_deployed(deploy, accuracy, is_deployed):
    """Binomial: 77 and more of 100 at 0.7 have p = 0.076, 78 and more p = 0.048."""
    said = deploy(accuracy)
    assert said.startswith("Small model to deploy: ") == is_deployed
    if not is_deployed:
        assert said == (
            f"No model to deploy: the distilled student's test accuracy, {accuracy * 100:.2f} %, "
            "is no better than always predicting the most frequent class (70.00 %)."
        )


def test_nothing_to_deploy(fake_results):
    assert deployment(fake_results(({}, {"baseline": (BASELINE,)}), variants=("baseline",))) is None
    missing = fake_results(({}, {"distilled": ((None,),)}), variants=("distilled",))
    assert deployment(missing) is None


def test_chosen_learning_rates_are_told(fake_results):
    variants = {"baseline": ((0.8,) * 3,), "distilled": ((0.9,) * 3,)}
    values = {"experiment.learning_rates": (0.1, 0.01), "training.learning_rate": 0.1}
    told = sentences(
        fake_results(({}, variants), **values, **{"student.baseline.learning_rate": 0.01})
    )
    assert told[-1] == (
        "Learning rates, chosen on validation data from 0.1, 0.01: baseline 0.01, distilled "
        "student 0.1."
    )
    assert not any("Learning rates" in each for each in sentences(fake_results(({}, variants))))

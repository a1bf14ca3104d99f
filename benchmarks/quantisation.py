"""Compares two ways to an int8 student: python benchmarks/quantisation.py [--runs FOLDER]

Post-training: a student is trained in float32 and then rounded. Quantisation-aware: it computes
with rounded numbers while it is trained (`--student.quantisation int8`). Both have the same
recipe, number of steps and learning rates; every student is exported in the format litert-int8
and runs on the test set in its own runtime. Finished runs and exports are reused. Writes
docs/results/quantisation.md.
"""

import argparse
import json
import os
import textwrap
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from distill.analysis.numbers import points
from distill.analysis.page.parts import Table
from distill.analysis.statistics import mean_and_std, paired_difference
from distill.deployment import export_run
from distill.experiment import run_experiment
from distill.experiments.grid import make_axis
from distill.files import write_text
from distill.recipes import get_recipe

RECIPE = get_recipe("own-data").with_values(
    {
        "data.name": "tf_flowers",
        "data.image_size": 48,
        "training.epochs": 12,
        "student.options.width": 0.25,
        "distillation.views": 8,
        "experiment.export": (),
    }
)
PAGE = """# Quantisation-aware distillation

Which int8 student is better: one that is trained in float32 and then rounded (post-training),
or one that computes with rounded numbers while it is trained (`--student.quantisation int8`)?
Both have the same number of steps and the same learning rates, which were chosen on validation
data.

The recipe is `own-data` on tf_flowers at {size} pixels: {train:,} training photos, {test} test
photos, {epochs} epochs, {seeds} seeds. The student is a `separable_cnn` of width {width:g} with
{parameters:,} parameters. The teacher, a MobileNetV2, reaches {teacher:.1f} %. Each int8 file
ran on the test photos in the LiteRT runtime. Results are mean ± standard deviation over the
seeds. `python benchmarks/quantisation.py` trains what is missing and writes this page.
{table}
Quantisation-aware minus post-training, both in int8, in points of accuracy with the 95 %
interval, corrected for two comparisons:

{differences}

{reading}
"""
KINDS = {None: "post-training", "int8": "quantisation-aware"}


def checks(runs):
    """Exports each run, unless it is exported already, and returns what was measured."""
    for run in runs:
        path = run.folder / "export" / "litert-int8" / "export.json"
        if not path.exists():
            export_run(run.folder, ["litert-int8"])
        yield json.loads(path.read_text("utf-8"))["check"]


def page(results):
    rows, differences, gains, losses = [], [], [], []
    for variant, title in (("baseline", "baseline"), ("distilled", "distilled student")):
        int8 = {}
        for kind, name in KINDS.items():
            found = [*checks(results.runs(variant, {"student.quantisation": kind}))]
            int8[kind] = [each["accuracy"] for each in found]
            cells = [
                _percent([each[key] for each in found]) for key in ("keras_accuracy", "accuracy")
            ]
            cells.append(_percent([each["agreement"] for each in found]))
            cells.append(f"{found[0]['file_bytes'] / 1000:.0f} kB")
            rows.append([f"{title}, {name}", *cells])
            if kind is None:
                before, after = (
                    [each[key] for each in found] for key in ("keras_accuracy", "accuracy")
                )
                losses.append(sum(before) / len(before) - sum(after) / len(after))
        gains.append(paired_difference(int8["int8"], int8[None], comparisons=2))
        differences.append(f"- {title}: {points(gains[-1])}")
    data, recipe = results.data(results.points[0].setting), results.recipe
    accuracies = [
        sum(each) / len(each)
        for each in (
            results.accuracies(variant, results.points[0].setting)
            for variant in ("teacher", "baseline")
        )
    ]
    return PAGE.format(
        size=recipe.data.image_size,
        train=len(data.train),
        test=len(data.test),
        epochs=recipe.training.epochs,
        seeds=recipe.experiment.seeds,
        width=recipe.student.options["width"],
        parameters=results.parameters("distilled", results.points[0].setting),
        teacher=100 * accuracies[0],
        table=Table(
            ["student", "float32", "int8", "agreement of the two", "file"], rows
        ).markdown(),
        differences="\n".join(differences),
        reading=_reading(gains, losses, *accuracies),
    )


def _reading(gains, losses, teacher, baseline):
    found = f"Rounding after training costs {100 * max(losses):.1f} points of accuracy at most. "
    if {each.outcome for each in gains} <= {"inconclusive", "equivalent"}:
        found += "Neither way is shown to be better with these seeds."
    else:
        found += "An interval above that does not hold 0 shows a difference."
    if teacher < baseline:
        found += (
            " The teacher is less accurate than the baseline, so the distilled students are not "
            "expected to gain from it."
        )
    return textwrap.fill(found, 96)


def _percent(values):
    mean, deviation = mean_and_std(values)
    return f"{100 * mean:.1f} ± {100 * deviation:.1f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept")
    arguments = parser.parse_args()
    axis = make_axis("student.quantisation", [*KINDS])
    outcome = run_experiment(RECIPE, arguments.runs, [axis])
    target = Path(__file__).parent.parent / "docs" / "results" / "quantisation.md"
    write_text(target, page(outcome.results))
    print(target)


if __name__ == "__main__":
    main()

"""Exports every model family in every format: python benchmarks/export_formats.py

Trains each model for a few epochs on the embedded digits, enlarged to 32×32 pixels, so that there
is something to lose. Then it exports the model in each format; each file runs on the test set in
its own runtime. Writes docs/results/export-formats.json after each model, and the page beside it
at the end. Models that are in the JSON file are not trained again; delete it to start anew.
"""

import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from distill import build_model, load_data
from distill.analysis.page.parts import Table
from distill.errors import UserError
from distill.evaluation import evaluate
from distill.export.exporting import export
from distill.export.formats import FORMATS
from distill.files import write_json, write_text
from distill.models import MODELS

RESULTS = Path(__file__).parent.parent / "docs" / "results" / "export-formats.json"
SIZE, BATCH = 32, 32
# Two learn slowly. The others train for 6 epochs.
EPOCHS = {"mobilenet_v2": 24, "overlapping_mobilenet_v2": 60}
# Options that make a model small enough for 2 cores; the other models have their default options.
OPTIONS = {
    "mlp": {"hidden": 64},
    "cnn": {"filters": 8, "dense": 32},
    "separable_cnn": {"width": 0.25},
    "mobilenet_v2": {"width": 0.35},
    "overlapping_mobilenet_v2": {"width": 0.35},
}
# Deeper networks of the same blocks as resnet8x4, resnet20 and wrn_16_2, too slow for 2 cores.
DEEPER = ("resnet32x4", "resnet56", "resnet110", "wrn_40_2")
# Some of keras.applications, by the kinds of layers that only they have.
APPLICATIONS = ("MobileNetV3Small", "EfficientNetV2B0")


def cases():
    """Yields a title, the name in `MODELS` and the options of each model."""
    for name in MODELS:
        if name not in ("keras_application", *DEEPER):
            yield name, name, OPTIONS.get(name, {})
    for name in APPLICATIONS:
        yield f"keras_application, {name}", "keras_application", {"architecture": name}


def trained(name, options, data):
    """Trains a model; its batch normalisation follows a few hundred steps, as the others do not."""
    keras.utils.set_random_seed(0)
    model = build_model(name, data.image_shape, data.classes, **options)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss)
    images, labels = data.train.images.astype("float32"), data.train.labels
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS.get(name, 6), verbose=0)
    return model


def measured(model, data, format):
    """Exports a model in one format; returns what was measured, or why it was refused."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = export(
                model, folder, format, data.class_names, data.test, data.train.images
            ).check
        except UserError as error:
            return {"refused": str(error)}
    return {
        "accuracy": found.accuracy,
        "agreement": found.agreement,
        "difference": found.difference / max(1.0, found.largest),
        "bytes": found.file_bytes,
        "runtime": found.runtime,
    }


PAGE = """# Every model in every format

{passed} of {count} exports passed the check of their format. Each model was trained for a few
epochs on the embedded digits, enlarged to {size}×{size} pixels, with one seed. Each file ran on the
359 test images in its own runtime ({runtimes}), in a process that does not import `distill`.
`python benchmarks/export_formats.py` writes this page and the JSON file beside it. {deeper} are not
in the table: they have the blocks of the other residual networks, and take too long on 2 cores.

## Test accuracy, and agreement with the Keras model in brackets
{accuracies}
In the formats that are checked by their logits, the largest difference was {difference:.1g} of the
largest logit.

## Size of the file
{sizes}
## Refused

{refused}

## Bounds
{bounds}"""


def page(rows):
    """Returns the page in Markdown."""
    accuracies, sizes, refused, done, exact = [], [], [], [], []
    for title, row in rows.items():
        accuracies.append([title, f"{row['parameters']:,}", f"{100 * row['accuracy']:.1f} %"])
        sizes.append([title])
        for format, found in row["formats"].items():
            if "refused" in found:
                refused.append(f"- {title}, {format}: {found['refused']}")
                accuracies[-1].append("refused")
                sizes[-1].append("–")
                continue
            done.append(found["runtime"])
            accuracies[-1].append(
                f"{100 * found['accuracy']:.1f} % ({100 * found['agreement']:.1f})"
            )
            sizes[-1].append(f"{found['bytes'] / 1000:,.0f} kB")
            if FORMATS[format].bounds.difference:
                exact.append(found["difference"])
    bounds = [[name, _bound(format.bounds)] for name, format in FORMATS.items()]
    return PAGE.format(
        passed=len(done),
        count=len(rows) * len(FORMATS),
        size=SIZE,
        deeper=", ".join(DEEPER[:-1]) + f" and {DEEPER[-1]}",
        runtimes=", ".join(sorted(set(done))),
        accuracies=Table(["model", "parameters", "Keras", *FORMATS], accuracies).markdown(),
        difference=max(exact),
        sizes=Table(["model", *FORMATS], sizes).markdown(),
        refused="\n".join(refused) or "None.",
        bounds=Table(["format", "an export is refused beyond"], bounds).markdown(),
    )


def _bound(bounds):
    if bounds.difference:
        return f"a logit that differs by {bounds.difference:g} of the largest logit"
    return (
        f"an agreement below {100 * bounds.agreement:g} %, or {100 * bounds.accuracy_loss:g} "
        "points of accuracy lost"
    )


def main():
    data = load_data("digits", image_size=SIZE)
    rows = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for title, name, options in cases():
        if title not in rows:
            model = trained(name, options, data)
            row = {"parameters": model.count_params()}
            row["accuracy"] = evaluate(model, data.test)["accuracy"]
            row["formats"] = {format: measured(model, data, format) for format in FORMATS}
            rows[title] = row
            write_json(RESULTS, rows)
            keras.backend.clear_session()
        refused = [name for name, each in rows[title]["formats"].items() if "refused" in each]
        print(f"{title}: {100 * rows[title]['accuracy']:.1f} %, refused {refused}", flush=True)
    write_text(RESULTS.with_suffix(".md"), page({title: rows[title] for title, _, _ in cases()}))


if __name__ == "__main__":
    main()

"""Sections that show images: where the models differ, and dark knowledge."""

from collections.abc import Iterator

import numpy as np

from distill.analysis.figures import images as image_figures
from distill.analysis.page.models import Focus
from distill.analysis.page.parts import Gallery, Picture, Section
from distill.errors import UserError
from distill.evaluation.dark_knowledge import most_ambiguous
from distill.experiments.variants import MAIN_VARIANTS
from distill.training.data import data_of

_IMAGES = 12  # of a gallery
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


def image_sections(focus: Focus) -> Iterator[Section]:
    """Makes the sections of the first seed that has all models; none if the data are gone."""
    if focus.data is None or "teacher" not in focus.runs:
        return
    variants = [variant for variant in MAIN_VARIANTS if variant in focus.point.runs]
    complete = focus.point.complete(*variants)
    if not complete:
        return
    runs = dict(zip(variants, complete[0], strict=True))
    seed = runs[variants[-1]].seed
    try:
        data = data_of(focus.point.recipe.with_seed(seed))
    except (UserError, OSError):
        return
    logits = {variant: focus.results.logits(run) for variant, run in runs.items()}
    if set(MAIN_VARIANTS) <= set(variants):
        predicted = {variant: values.argmax(axis=1) for variant, values in logits.items()}
        text = f"{focus.where}Seed {seed}; the first {_IMAGES} test images of each kind."
        yield Section("Where the models differ", text, [*_galleries(data, predicted)])
    yield _dark_knowledge(data, logits["teacher"])


def _galleries(data, predicted):
    correct = [predicted[variant] == data.test.labels for variant in ("baseline", "distilled")]
    baseline, distilled = correct
    kinds = {
        "baseline wrong, distilled student correct": distilled & ~baseline,
        "baseline correct, distilled student wrong": baseline & ~distilled,
        "teacher and distilled student disagree": predicted["teacher"] != predicted["distilled"],
    }
    for kind, mask in kinds.items():
        images = [
            (data.test.images[index], _predictions(data, predicted, index))
            for index in np.flatnonzero(mask)[:_IMAGES]
        ]
        yield Gallery(images, f"{mask.sum():,} images: {kind}.")


def _predictions(data, predicted, index):
    names = data.class_names
    lines = [f"label: {names[data.test.labels[index]]}"]
    lines += [f"{variant}: {names[classes[index]]}" for variant, classes in predicted.items()]
    return "\n".join(lines)


def _dark_knowledge(data, logits):
    """Four images for which the teacher finds a second class almost as probable as the label."""
    items = []
    for index in most_ambiguous(logits, data.test.labels)[:4]:
        name = data.class_names[data.test.labels[index]]
        second = data.class_names[int(np.argsort(logits[index])[-2])]
        figure = image_figures.dark_knowledge(
            data.test.images[index], logits[index], data.class_names, _TEMPERATURES
        )
        alt = f"Image of class {name}; the teacher's second choice is {second}."
        items.append(Picture(figure, alt, f"{name}, with some resemblance to {second}."))
    text = (
        "The teacher's probabilities for four test images at several temperatures. A higher "
        "temperature shows the student more of what the teacher knows about the wrong classes."
    )
    return Section("Dark knowledge", text, items)

"""Sections of the report that show images: what models say of them, and dark knowledge."""

from collections.abc import Iterator

import numpy as np

from distill.dark_knowledge import most_ambiguous
from distill.data import Split
from distill.errors import UserError
from distill.experiments.page_models import Focus
from distill.preparation import data_of
from distill.report import image_figures
from distill.report.page import Gallery, Picture, Section

_IMAGES = 12  # of a gallery
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


def images(focus: Focus) -> Iterator[Section]:
    """What distillation put right, where it disagrees with the teacher, and dark knowledge."""
    cell, data = focus.cell, focus.data
    if data is None or "teacher" not in cell.runs:
        return
    arms = [arm for arm in ("teacher", "student", "distilled") if arm in cell.runs]
    complete = cell.complete(*arms)
    if not complete:
        return
    runs = dict(zip(arms, complete[0], strict=True))
    seed = next(reversed(runs.values())).seed
    try:
        data = data_of(cell.recipe.with_seed(seed))
    except (UserError, OSError):
        return
    logits = {arm: run.predictions(focus.results.shown, "test") for arm, run in runs.items()}
    predicted = {arm: values.argmax(axis=1) for arm, values in logits.items()}
    labels, items = data.test.labels, []
    if "distilled" in arms and "student" in arms:
        right = {arm: predicted[arm] == labels for arm in arms}
        for mask, caption in (
            (right["distilled"] & ~right["student"], "put right by distillation"),
            (~right["distilled"] & right["student"], "right from labels, wrong distilled"),
            (predicted["distilled"] != predicted["teacher"], "teacher and distilled disagree"),
        ):
            items.append(_gallery(data, mask, predicted, caption))
        yield Section("Images that tell", f"{focus.where}Seed {seed}, test images, the first "
                      f"{_IMAGES} of each kind.", items)  # fmt: skip
    yield _dark_knowledge(data.test, data.class_names, logits["teacher"])


def _gallery(data, mask, predicted, caption):
    chosen = np.flatnonzero(mask)
    names = data.class_names
    titles = {"teacher": "teacher", "student": "from labels", "distilled": "distilled"}
    images = []
    for index in chosen[:_IMAGES]:
        said = [f"{titles[arm]}: {names[classes[index]]}" for arm, classes in predicted.items()]
        text = "\n".join([f"label: {names[data.test.labels[index]]}", *said])
        images.append((data.test.images[index], text))
    return Gallery(images, f"{len(chosen)} images: {caption}.")


def _dark_knowledge(test: Split, class_names, logits):
    """Four images whose second class the teacher finds nearly as probable as the right one."""
    items = []
    for index in most_ambiguous(logits, test.labels)[:4]:
        name = class_names[test.labels[index]]
        second = class_names[int(np.argsort(logits[index])[-2])]
        figure = image_figures.dark_knowledge(test.images[index], logits[index], class_names,
                                        _TEMPERATURES)  # fmt: skip
        alt = f"Image of class {name}; the teacher's next choice is {second}."
        items.append(Picture(figure, alt, f"{name}, a little like {second}."))
    text = (
        "The teacher's probabilities for four test images at several temperatures: the higher, the "
        "more of what it knows about the wrong classes is shown to the student."
    )
    return Section("Dark knowledge", text, items)

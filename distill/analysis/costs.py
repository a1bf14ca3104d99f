"""What the model of a run costs, measured once and kept beside the report."""

import dataclasses
import json

import numpy as np

from distill.analysis.results import Results
from distill.data import ImageData
from distill.errors import UserError
from distill.evaluation import multiply_adds, speed
from distill.evaluation.cost import Speed
from distill.files import read_json, write_json
from distill.runs import Run

BATCHES = (1, 32)
# The settings that say what a network is; weights do not change what it costs.
_NETWORK = (
    "model_code",
    "teacher.model",
    "teacher.options",
    "student.model",
    "student.options",
    "student.image_size",
)
_OTHERS = ("file", "student_file", "pretraining", "data")


@dataclasses.dataclass(frozen=True)
class Cost:
    """The multiply-adds (`None` if unknown), the weights and the latency of a model."""

    adds: int | None
    weight_bytes: int
    speeds: tuple[Speed, ...]  # one for each of `BATCHES`


def cost(results: Results, run: Run, data: ImageData) -> Cost | None:
    """Returns what a run's model costs. It is kept in `cost.json`, as timings differ each time.

    It is `None` for a teacher that is a file of predictions. Models that differ only in their
    weights cost the same, and only one of them is measured.
    """
    if not run.has_model:
        return None
    path = results.folder / "cost.json"
    known = read_json(path) if path.exists() else {}
    identity = run.settings()["identity"]
    settings = {
        name: value for name, value in identity.get("settings", {}).items() if name in _NETWORK
    }
    # An ensemble has no settings of its own, only its number of parameters.
    others = [identity.get(name) for name in _OTHERS]
    network = json.dumps([settings, *others, run.metrics["parameters"]], sort_keys=True)
    if network not in known:
        known[network] = dataclasses.asdict(_measured(run.load_model(results.checkpoint), data))
        write_json(path, known)
    found = known[network]
    speeds = tuple(Speed(**each) for each in found["speeds"])
    return Cost(found["adds"], found["weight_bytes"], speeds)


def _measured(model, data):
    # A grid can vary the image size: the model's own size counts if it has one.
    sizes = zip(model.input_shape[1:], data.image_shape, strict=True)
    shape = tuple(own or other for own, other in sizes)
    try:
        adds = multiply_adds(model, shape)
    except UserError:  # some sizes are known only when it runs
        adds = None
    weight_bytes = sum(np.asarray(weight).nbytes for weight in model.get_weights())
    return Cost(adds, weight_bytes, tuple(speed(model, shape, each, 0.2) for each in BATCHES))

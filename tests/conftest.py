"""Shared by all tests: quiet TensorFlow, fixed seeds, a headless browser, a small trained grid."""

import io
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two processes share two cores; see setup.cfg. Processes that tests start compute alike.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import keras
import numpy as np
import pytest
import tensorflow as tf
from filelock import FileLock
from rich.console import Console

from distill.analysis.page import html
from distill.analysis.page.report import make_page
from distill.analysis.reading import read_results
from distill.experiment import Outcome, run_experiment
from distill.experiments import job
from distill.experiments.grid import make_axis
from distill.experiments.variants import MAIN_VARIANTS
from distill.recipes import Recipe
from distill.recipes.recipe import Data, Experiment, Student, Teacher, Training

# Two devices on one processor, for the tests that train replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


if keras.backend.backend() == "torch":
    import torch

    # As on the other backends: an array from a tensor, whether it has a gradient or not.
    torch.Tensor.__array__ = lambda tensor, dtype=None, copy=None: np.asarray(
        tensor.detach().cpu().numpy(), dtype=dtype, copy=copy
    )


def pytest_collection_modifyitems(items):
    """Puts one file that needs the shared grid first and the others last: no process waits."""
    files = {item.path: None for item in items if "grid" in getattr(item, "fixturenames", ())}
    order = {path: 2 if number else 0 for number, path in enumerate(files)}
    items.sort(key=lambda item: order.get(item.path, 1))


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-quic"
)


@pytest.fixture(scope="session")
def browser():
    selenium = pytest.importorskip("selenium.webdriver")
    if not (CHROMIUM and DRIVER):
        pytest.skip("there is no chromium and chromedriver on this machine")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options, selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def look(browser):
    """Opens a page as a phone or a screen shows it, and measures what was drawn."""

    def open_page(path, width, scheme):
        return _look(browser, path, width, scheme)

    return open_page


def _look(browser, path, width, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    found = browser.execute_script(
        """
        const boxes = [...document.querySelectorAll("svg[role=img], img")].map(
            (each) => each.getBoundingClientRect());
        return {
            wide: document.documentElement.scrollWidth,
            distilled: [...document.querySelectorAll("th")].filter(
                (each) => each.innerText == "distilled student").map(
                (each) => each.getBoundingClientRect().right),
            inner: window.innerWidth,
            drawn: boxes.map((box) => Math.min(box.width, box.height)),
            beyond: boxes.filter((box) => box.right > window.innerWidth + 1).length,
            images: [...document.images].every((each) => each.naturalWidth > 0),
            paper: getComputedStyle(document.body).backgroundColor,
            ink: getComputedStyle(document.body).color,
            label: getComputedStyle(document.querySelector("svg[role=img]")).fill,
        };
        """
    )
    return found | {"log": browser.get_log("browser")}


SMALL = Recipe(
    name="small",
    data=Data(label_fraction=0.3),
    teacher=Teacher(model="cnn", options={"filters": 2, "dense": 16}),
    student=Student(model="mlp", options={"hidden": 8, "depth": 1}),
    training=Training(learning_rate=0.02, epochs=2, batch_size=128),
    experiment=Experiment(seeds=2),
)
AXES = (make_axis("temperature", (1.0, 4.0)),)
VARIANTS = (*MAIN_VARIANTS, "shuffled-teacher")


def run(recipe, folder, axes=AXES, variants=VARIANTS, **more):
    """Runs an experiment; returns its outcome and what it printed."""
    file = io.StringIO()
    console = Console(file=file, width=100)
    outcome = run_experiment(recipe, folder, axes, variants, console=console, **more)
    return outcome, file.getvalue()


@pytest.fixture(scope="session")
def small():
    return SMALL


@pytest.fixture(scope="session")
def grid(tmp_path_factory, worker_id):
    """A small grid that was really trained: its outcome, its output, the folder of its runs.

    The first process trains it for all of them. Tests leave the folder as it is.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, printed = shared / "grid", shared / "grid.txt"
    with FileLock(shared / "grid.lock"):
        if not printed.exists():
            outcome, text = run(SMALL, folder)
            printed.write_text(text, "utf-8")
            return outcome, text, folder
    (record,) = folder.glob("digits/grid-*/experiment.json")
    results = read_results(record.parent)
    return Outcome(results, [], make_page(results)), printed.read_text("utf-8"), folder


@pytest.fixture(scope="session")
def run_small():
    """Like `run`, without the slow parts that other tests cover: estimates and drawn figures."""

    def run_faster(*arguments, **more):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(job, "estimate", lambda specs, by_trial: [1.0] * len(list(specs)))
            patch.setattr(html, "svg", lambda figure, alt, prefix: "")
            return run(*arguments, **more)

    return run_faster


@pytest.fixture(scope="session")
def changed():
    """The small recipe with other values, by dotted name."""
    return lambda values: SMALL.with_values(values)

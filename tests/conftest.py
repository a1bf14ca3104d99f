"""Shared by all tests: quiet TensorFlow, seeds set anew for each test, a headless browser."""

import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
import tensorflow as tf

# Two devices on one processor, for the tests that train replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


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

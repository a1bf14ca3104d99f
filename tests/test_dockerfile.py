"""The container is set up as README sets up its tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_container_installs_what_the_tests_install():
    line = re.findall(r"^```sh\n(.*?)\n```", (ROOT / "README.md").read_text("utf-8"), re.M)[1]
    (install,) = re.findall(r"pip install (-e \S+)", line)
    container = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"pip install --no-cache-dir (-e \S+)", container) == [install]


def test_data_and_runs_are_mounted_where_the_scripts_look():
    container = (ROOT / "Dockerfile").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    (mounted,) = re.findall(r"^VOLUME (.*)$", container, re.M)
    for folder in re.findall(r'"(\S+?)"', mounted):
        assert f":{folder}" in readme
    assert "ENV TFDS_DATA_DIR=/data" in container

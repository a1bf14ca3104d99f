"""The map of the house in CONTRIBUTING.md holds: imports run downwards, every file has its test."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "distill"
FILES = sorted(PACKAGE.rglob("*.py"))
# Recipes are values, which tests/recipes checks together; the version is setup.cfg's.
WITHOUT_TESTS = {"__init__.py", "__main__.py", "version.py"}
MODULES = [path for path in FILES if path.name not in WITHOUT_TESTS]


def read_map():
    """The floors, top to bottom, and those of the library, from CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    floors = re.findall(r"^\| `distill/([\w/.]+)` \|", text, re.MULTILINE)
    floors = [floor.removesuffix(".py").strip("/") for floor in floors]
    _, library = text.split("**The library**")
    below = re.findall(r"^\| `distill/([\w/.]+)` \|", library, re.MULTILINE)
    return floors, {floor.removesuffix(".py").strip("/") for floor in below}


FLOORS, LIBRARY = read_map()


def floor(module):
    return module.split(".")[1]


def imported(path):
    """The modules that a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("distill", "__init__"):
        return
    own = floor(".".join(parts))
    for module in imported(path):
        assert module != "distill", f"{path} imports the public face"
        if module.startswith("distill."):
            below = floor(module)
            assert FLOORS.index(below) >= FLOORS.index(own), f"{path} imports {module}"
            assert own not in LIBRARY or below in LIBRARY, f"{path} imports the lab's {module}"


def test_every_file_is_on_the_map():
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert names - {"__init__"} == set(FLOORS)
    assert len(FLOORS) == len(set(FLOORS))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_its_test_file(path):
    inside = path.relative_to(PACKAGE)
    if inside.parent.name == "recipes" and inside.stem not in ("recipe", "settings", "values"):
        inside = inside.with_name("every_recipe.py")
    assert (ROOT / "tests" / inside.parent / f"test_{inside.stem.strip('_')}.py").is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long(path):
    assert len(path.read_text("utf-8").splitlines()) <= 380


def test_roles_are_compared_in_one_file():
    """Elsewhere, what a role means is asked of the `RunSpec`."""
    comparison = re.compile(r"(is|is not|==|!=|in) \(?Role\.")
    found = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if comparison.search(path.read_text("utf-8"))
    }
    assert found == {"training/spec.py"}


def test_few_lines_are_kept_from_the_formatter():
    escapes = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("distill", "tests", "benchmarks", "notebooks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if re.search(r"# fmt: (skip|off)", line)
    ]
    assert len(escapes) <= 5, escapes


@pytest.mark.parametrize("script", ["teacher_train", "student_train", "distillation_train"])
def test_entry_scripts_are_thin(script):
    assert len((ROOT / f"{script}.py").read_text("utf-8").splitlines()) <= 10

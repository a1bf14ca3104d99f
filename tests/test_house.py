"""Imports run one way: a file imports only from files below it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (  # top to bottom
    "__main__",
    "commands",
    "cli",
    "experiments",
    "report",
    "training",
    "preparation",
    "budget",
    "schedules",
    "recipes",
    "checks",
    "soft_targets",
    "outcome",
    "evaluation",
    "dark_knowledge",
    "class_bias",
    "distiller",
    "callbacks",
    "run_folder",
    "own_code",
    "methods",
    "models",
    "data",
    "errors",
)
FILES = sorted((ROOT / "distill").rglob("*.py"))


def floor(module):
    return FLOORS.index(module.split(".")[1])


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts in (("distill", "__init__"), ("distill", "version")):
        return
    own = floor(".".join(parts))
    for module in imported(path):
        if module.startswith("distill."):
            if module == "distill.version":
                continue
            assert floor(module) >= own, f"{path} imports {module}, which stands above it"
        assert module != "distill", f"{path} imports the package's front"


def test_every_file_has_its_floor():
    names = {path.relative_to(ROOT / "distill").parts[0].removesuffix(".py") for path in FILES}
    assert names - {"__init__", "version"} == set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path} has no docstring"


@pytest.mark.parametrize("script", ["teacher_train", "student_train", "distillation_train"])
def test_doors_are_thin(script):
    assert len((ROOT / f"{script}.py").read_text("utf-8").splitlines()) <= 10

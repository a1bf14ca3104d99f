"""Options against signatures: names, presence and types."""

import sys

import numpy as np
import pytest

from distill.errors import UserError
from distill.models import build_model
from distill.options import bind_options, look_up


def builder(
    classes: int,
    hidden: int = 8,
    rate: float = 0.5,
    norm: float | None = None,
    flag: bool = False,
    kind: str = "a",
    units: tuple[int, ...] = (),
    size: tuple[int, int] = (1, 1),
    free=None,
    *,
    other: "list[str] | None" = None,
):
    """A function with every kind of annotation that is checked."""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden": np.int64(3), "rate": 1, "norm": None},
        {"rate": np.float32(0.5), "norm": 2, "flag": True, "kind": "b"},
        {"units": [1, 2, 3], "size": (3, 4), "free": object(), "other": ["a"]},
    ],
)
def test_allowed(options):
    bind_options("model 'm'", builder, options, given=("classes",))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"hidden": True}, "hidden of the model 'm' is True, and must be a whole number"),
        ({"hidden": "8"}, "hidden of the model 'm' is '8', and must be a whole number"),
        ({"hidden": 8.0}, "hidden of the model 'm' is 8.0, and must be a whole number"),
        ({"rate": "0.5"}, "rate of the model 'm' is '0.5', and must be a number"),
        ({"rate": False}, "rate of the model 'm' is False, and must be a number"),
        ({"norm": "none"}, "norm of the model 'm' is 'none', and must be a number or none"),
        ({"flag": 1}, "flag of the model 'm' is 1, and must be true or false"),
        ({"kind": 3}, "kind of the model 'm' is 3, and must be text"),
        (
            {"units": (1, "2")},
            "units of the model 'm' is (1, '2'), and must be a list",
        ),
        (
            {"size": (1, 2, 3)},
            "is (1, 2, 3), and must be a list of 2 whole numbers",
        ),
        ({"units": 3}, "units of the model 'm' is 3, and must be a list of whole numbers"),
        ({"other": [1]}, "other of the model 'm' is [1], and must be a list of names or none"),
        ({"hiden": 3}, "The model 'm' has no option 'hiden'; it has hidden, rate, norm, flag"),
        ({"classes": 3}, "The model 'm' has no option 'classes'; it has hidden"),
    ],
)
def test_refused(options, wanted):
    with pytest.raises(UserError) as caught:
        bind_options("model 'm'", builder, options, given=("classes",))
    assert wanted in str(caught.value)


def test_a_missing_option():
    with pytest.raises(UserError, match="cannot be made: missing a required argument: 'classes'"):
        bind_options("model 'm'", builder, {})


def test_no_options():
    with pytest.raises(UserError, match=r"The method 'kd' has no option 'weight'; it has none\."):
        bind_options("method 'kd'", lambda **kwargs: None, {"weight": 1})


def test_models_check_theirs():
    with pytest.raises(
        UserError, match="hidden of the model 'mlp' is True, and must be a whole number"
    ):
        build_model("mlp", (4, 4, 1), 3, hidden=True)
    with pytest.raises(
        UserError, match=r"dropout of the model 'cnn' is '0.5', and must be a number"
    ):
        build_model("cnn", (8, 8, 1), 3, dropout="0.5")


def test_a_name_in_the_registry_comes_first():
    assert look_up({"math:sqrt": abs}, "math:sqrt") is abs
    assert look_up({}, "sqrt") is None


def test_a_module_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "own_module_for_test.py").write_text("def double(x):\n    return 2 * x\n")
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    assert look_up({}, "own_module_for_test:double")(4) == 8
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("no_such_module:f", "cannot be imported from .*No module named 'no_such_module'"),
        ("broken_module_for_test:f", "ZeroDivisionError"),
        (":f", "cannot be imported"),
        ("math:", "no function ''"),
        ("math:pi", "no function 'pi'"),
    ],
)
def test_what_cannot_be_looked_up(name, wanted, tmp_path, monkeypatch):
    (tmp_path / "broken_module_for_test.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=wanted):
        look_up({}, name)

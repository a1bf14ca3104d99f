"""Every setting has a flag that sets it, and no two flags have one name."""

import pytest
from cyclopts import App

from distill.cli import parse
from distill.cli.flags import OWN_FLAGS, make_app, run_app
from distill.errors import UserError
from distill.recipes import RECIPES, flag_of
from distill.recipes.values import all_fields, is_options

# For each setting, one of these is allowed and differs from the value in `digits`.
TEXTS = (
    "3",
    "0.5",
    "warm_restarts",
    "rmsprop",
    "skip",
    "best",
    "pixels",
    "shuffled",
    "mixed_float16",
    "random",
    "int8",
)


@pytest.mark.parametrize("name", [name for name in all_fields() if name != "name"])
def test_every_setting_has_a_flag(name):
    if is_options(name):
        recipe = parse("distilled", [f"{flag_of(name)}.x", "3", "--grid", "alpha=0,1"]).recipe
        assert recipe.value(name)["x"] == 3
        return
    for text in TEXTS:
        try:
            line = parse("distilled", [flag_of(name), text, "--training.schedule-epochs", "2"])
        except UserError:
            continue
        if line.recipe.value(name) != RECIPES["digits"].value(name):
            return
    pytest.fail(f"{flag_of(name)} changes nothing")


def test_only_given_flags_are_returned():
    app = make_app("distilled", RECIPES["digits"])
    assert run_app(app, []) == {}
    given = ["--alpha", "0.5", "--student.options.x=1", "--retrain", "--grid", "a", "b"]
    assert run_app(app, given) == {
        "distillation.alpha": "0.5",
        "student.options": {"x": "1"},
        "retrain": True,
        "grid": ("a", "b"),
    }


def test_no_flag_has_the_name_of_a_setting():
    flags = [flag_of(name) for name in all_fields()] + [f"--{name}" for name in OWN_FLAGS]
    assert len(flags) == len(set(flags))


def test_errors_of_a_command_pass():
    app = App(suppress_keyboard_interrupt=False)

    def stop():
        raise KeyboardInterrupt

    app.command(stop)
    with pytest.raises(KeyboardInterrupt):
        run_app(app, ["stop"])
    with pytest.raises(UserError, match="There is no command 'stpo'; did you mean stop"):
        run_app(app, ["stpo"])

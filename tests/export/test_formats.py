"""The table of formats: names, and the help of the command."""

import pytest

from distill.commands import main
from distill.errors import UserError
from distill.export import runtimes
from distill.export.formats import FORMATS, get_format


def test_names_and_runtimes():
    assert [each.name for each in FORMATS.values()] == [*FORMATS]
    assert {each.runtime for each in FORMATS.values()} == set(runtimes.RUNTIMES)
    assert get_format("litert") is FORMATS["litert"]


def test_help_lists_every_format(capsys):
    assert main(["export", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in FORMATS)


def test_an_unknown_format():
    with pytest.raises(UserError, match=r"Unknown format 'x'; use one of saved-model, litert, "):
        get_format("x")


def test_every_format_has_a_bound():
    for each in FORMATS.values():
        assert each.bounds.difference or (each.bounds.agreement and each.bounds.accuracy_loss < 1)

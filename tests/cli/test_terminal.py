"""Exit statuses and the sentences that go with them."""

import errno
import re

import keras
import pytest

from distill.cli.terminal import guarded, start_backend
from distill.errors import UserError


def _raiser(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (UserError("alpha is 2."), 2, "error: alpha is 2.\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            2,
            "error: runs/x: No space left on device; see --runs.\n",
        ),
        (OSError("odd"), 2, "error: odd; see --runs.\n"),
        (
            KeyboardInterrupt(),
            130,
            "stopped: finished runs are kept; the same command without --retrain continues.\n",
        ),
    ],
)
def test_a_mistake_is_one_sentence(error, status, sentence, capsys):
    assert guarded(_raiser(error)) == status
    assert capsys.readouterr().err == sentence


def test_a_status_is_passed_on():
    assert guarded(lambda: 1) == 1


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0)


def test_the_backend_says_where_it_runs(capsys):
    start_backend()
    name = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}[keras.backend.backend()]
    assert re.match(rf"{name} \d+\.\d+", capsys.readouterr().out)
    start_backend(say=False)
    assert capsys.readouterr().out == ""

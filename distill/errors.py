"""The one exception for a user's mistake: every module raises it, `cli.py` prints it."""


class UserError(ValueError):
    """A mistake in what the user gave, told in one sentence.

    The sentence names the value, what is allowed and what to do. On the command line it is
    printed without a traceback and the exit status is 2; in Python it is a `ValueError`.
    """

"""The command line of the three scripts: flags and files of flags in, one experiment out."""

from distill.cli.parsing import CommandLine, parse
from distill.cli.scripts import main

__all__ = ["CommandLine", "main", "parse"]

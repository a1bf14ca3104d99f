"""Trains the teacher of a recipe: python teacher_train.py --help."""

import sys

from distill.cli import main

if __name__ == "__main__":
    sys.exit(main("teacher"))

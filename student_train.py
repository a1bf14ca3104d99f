"""Trains the baseline, the student on labels only: python student_train.py --help."""

import sys

from distill.cli import main

if __name__ == "__main__":
    sys.exit(main("baseline"))

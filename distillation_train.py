"""Trains teacher, baseline and distilled student: python distillation_train.py --help."""

import sys

from distill.cli import main

if __name__ == "__main__":
    sys.exit(main("distilled"))

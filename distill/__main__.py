"""`python -m distill`: look at what the three training scripts left."""

import sys

from distill.commands import main

if __name__ == "__main__":
    sys.exit(main())

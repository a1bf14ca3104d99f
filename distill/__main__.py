"""`python -m distill`: inspect, compare, report, export and use finished runs."""

import sys

from distill.commands import main

if __name__ == "__main__":
    sys.exit(main())

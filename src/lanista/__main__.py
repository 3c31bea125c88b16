"""`python -m lanista` is the command line."""

import sys

from lanista.cli import main

if __name__ == "__main__":
    sys.exit(main())

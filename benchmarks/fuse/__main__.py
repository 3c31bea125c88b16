"""Fused training: python -m benchmarks.fuse step|search|backbone."""

import argparse
import sys

from benchmarks.fuse import backbone, search, step


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    step.add(commands)
    search.add(commands)
    backbone.add(commands)
    given = parser.parse_args()
    code: int = given.run(given)
    return code


if __name__ == "__main__":
    sys.exit(main())

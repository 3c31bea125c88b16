"""Neural architecture search: python -m benchmarks.nas tables|proxies|latency|images|overhead|trace."""

import argparse
import sys

from benchmarks.nas import images, latency, overhead, proxies, tables, trace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    tables.add(commands)
    proxies.add(commands)
    latency.add(commands)
    images.add(commands)
    overhead.add(commands)
    trace.add(commands)
    given = parser.parse_args()
    code: int = given.run(given)
    return code


if __name__ == "__main__":
    sys.exit(main())

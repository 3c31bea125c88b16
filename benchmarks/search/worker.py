"""Runs traces in an optimiser's own interpreter: a job a line comes in, a trace a line goes out.

Started by the runner, with one thread for each library that would take more.
"""

import json
import os
import sys
import traceback
from functools import cache

from benchmarks.search.problems import problem
from benchmarks.search.simulate import simulate


def main() -> None:
    """Serves jobs until the input ends; whatever the optimisers print goes to the error stream."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    made = cache(problem)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            given = {name: job[name] for name in ("seed", "budget", "parallel", "durations")}
            answer = simulate(made(job["problem"]), job["spec"], **given)
        except (Exception, SystemExit):
            answer = {"error": traceback.format_exc()}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()

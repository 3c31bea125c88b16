"""Objectives of a script, which workers cannot import: what they use travels with them."""

import subprocess
import sys

SCRIPT = """
import os
from functools import cache, lru_cache

import lanista as la

@cache
def data():
    print("loaded")
    return 1

@lru_cache(maxsize=3)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

def objective(trial):
    os.getpid()
    return data() + fibonacci(20)

exp = la.Experiment("script", {"x": la.Float(0, 1)}, store="memory")
exp.run(objective, trials=3, executor=la.Processes(1), progress=False)
print([t.value for t in exp.trials], [exp.log_path(n).exists() for n in range(3)])
"""


def test_cached_functions_and_modules_of_a_script_reach_its_workers(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    # Only the first trial printed: the worker kept what it had loaded.
    assert done.stdout == "[6766.0, 6766.0, 6766.0] [True, False, False]\n", done.stderr

"""`import lanista` stays light: numpy and the standard library, and everything else where it is used."""

import json
import subprocess
import sys

import pytest

HEAVY = [
    "cloudpickle",
    "pandas",
    "psutil",
    "psycopg",
    "pyarrow",
    "rich",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "threadpoolctl",
    "torch",
    "yaml",
]
SLOW = [
    "difflib",
    "fractions",
    "hashlib",
    "lanista.execute._pool",
    "lanista.journal._sql",
    "numpy.random",
    "selectors",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "uuid",
]
"""Modules of the standard library, and of our own, that take milliseconds and not everybody needs."""
PROBE = """
import json, sys
import numpy
before = set(sys.modules)
import lanista
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture(scope="module")
def modules() -> set[str]:
    """The modules that `import lanista` brings into a fresh interpreter that has numpy."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def loaded(modules: set[str]) -> set[str]:
    """Their top-level names."""
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_package_is_not_loaded(loaded: set[str], name: str) -> None:
    assert name not in loaded


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_module_is_loaded_where_it_is_used(modules: set[str], name: str) -> None:
    assert name not in modules


def test_nothing_but_numpy_and_the_standard_library_is_loaded(loaded: set[str]) -> None:
    cython = {name for name in loaded if "cython" in name}  # what the compiled parts of numpy.random register
    assert loaded - sys.stdlib_module_names - cython <= {"lanista", "numpy"}


def test_the_version_is_the_distribution_s() -> None:
    import importlib.metadata

    from lanista._version import __version__

    assert importlib.metadata.version("lanista") == __version__

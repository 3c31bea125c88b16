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
    "torch",
    "yaml",
]
PROBE = """
import json, sys
before = set(sys.modules)
import lanista
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The top-level modules that `import lanista` brings into a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_package_is_not_loaded(loaded: set[str], name: str) -> None:
    assert name not in loaded


def test_nothing_but_numpy_and_the_standard_library_is_loaded(loaded: set[str]) -> None:
    cython = {name for name in loaded if "cython" in name}  # what the compiled parts of numpy.random register
    assert loaded - sys.stdlib_module_names - cython <= {"lanista", "numpy"}


def test_the_version_is_the_distribution_s() -> None:
    import importlib.metadata

    from lanista._version import __version__

    assert importlib.metadata.version("lanista") == __version__

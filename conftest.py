"""What the tests and the examples in the docstrings share."""

import os
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small models, and workers beside them: threads only get in the way

SLOW_MACHINES = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=SLOW_MACHINES)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=100, derandomize=True, print_blob=True, suppress_health_check=SLOW_MACHINES
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def lanista_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test, so that none meets the user's experiments or another test's."""
    home = tmp_path / "lanista-home"
    monkeypatch.setenv("LANISTA_HOME", str(home))
    return home

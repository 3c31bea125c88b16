"""The command line: `lanista run`, and commands that look at experiments and steer them while they run elsewhere."""

from lanista.cli._main import main

__all__ = ["main"]

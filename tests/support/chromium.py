"""Which Chromium the browser tests drive."""

from __future__ import annotations

import os
import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
HOW_TO_GET_IT: Final = "apt-get install chromium, or ROSTRUM_CHROMIUM=/path/to/chrome"


def find_chromium() -> str | None:
    """Path of the executable for Playwright's `executable_path`; ROSTRUM_CHROMIUM wins. None where there is none."""
    named = os.environ.get("ROSTRUM_CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for name in NAMES if (path := shutil.which(name))), None)

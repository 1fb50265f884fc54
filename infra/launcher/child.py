"""What happens in a forked child: find the service and run it."""

from __future__ import annotations

import importlib
import os


def serve(name: str) -> int:
    """Run `services.<name>.main:main` until SIGTERM; its exit code.

    The settings are in the environment. The service's own imports, say chdb or aiortc, happen here.
    """
    module = importlib.import_module(f"services.{name}.main")
    code: int = module.main(os.environ)
    return code

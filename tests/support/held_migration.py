"""A service that rewrites two pages of its store, and the others once the file `go_on` is in its folder."""

from __future__ import annotations

import os
from pathlib import Path

from infra.launcher import child
from libs.migration import Migration, RewrittenPage
from tests.support.waiting import eventually

_on_rewrite = Migration._on_rewrite
_pages = 0


async def _held(migration: Migration, body: bytes) -> RewrittenPage:
    global _pages
    _pages += 1
    if _pages > 2:
        await eventually((Path(os.environ["ROSTRUM_VAR"]) / "go_on").exists)
    return await _on_rewrite(migration, body)


def serve(name: str) -> int:
    """Run the service until SIGTERM; its exit code."""
    if name == "room":
        Migration._on_rewrite = _held  # type: ignore[assignment, method-assign]
    return child.serve(name)

"""Query parameters that a route of the API does not know are refused: whoever sends one expects something of it.

Files are left out, whose addresses get parameters from players and proxies, and so are lookups as X has them, which
judge their parameters themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from typing import Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute

from services.gateway.http.middleware import KnownParameters

_API: Final = "/v1/"
_FILE: Final = re.compile(r"\.[a-z0-9{}]+$")
"""How the address of a file ends: `.m4a`, `.{format}`."""


def strict(route: BaseRoute) -> BaseRoute:
    """The same route, which takes no query parameter but its own. A copy: routes of a module are those of every app."""
    if not isinstance(route, APIRoute | APIWebSocketRoute):
        return route
    if not route.path.startswith(_API) or _FILE.search(route.path):
        return route
    changed = copy(route)
    changed.app = KnownParameters(route.app, sorted(set(_names(route.dependant))))
    return changed


def _names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for needed in dependant.dependencies:
        yield from _names(needed)

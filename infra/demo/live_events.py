"""Server-sent events, as the gateway sends them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LiveEvent:
    """One server-sent event."""

    id: str
    name: str
    """`<context>.<event>`, or `snapshot`, or `reset`."""
    data: dict[str, Any]


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[LiveEvent]:
    """Reads a stream of events, line by line."""
    id, name, data = "", "message", ""
    async for line in lines:
        if not line:
            if data:
                yield LiveEvent(id, name, json.loads(data))
            id, name, data = "", "message", ""
        elif line.startswith("id:"):
            id = line[3:].strip()
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].lstrip()

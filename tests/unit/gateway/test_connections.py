"""What a gateway knows of the connections at media nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.media.v1 import Connection, Disconnected
from libs.ids import new_id
from services.gateway.app.connections import Connections

SPACE, SESSION, BOOT, EARLIER = new_id(), new_id(), new_id(), new_id()
NOWHERE: Any = None


def gone(boot: str, number: int) -> Disconnected:
    return Disconnected(
        at=datetime.now(UTC), space_id=SPACE, node_id="a", session_id=SESSION, direction="publish", reason="closed",
        boot=boot, number=number,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("boot", "number", "left"),
    [(BOOT, 7, "a"), (EARLIER, 8, "a"), (BOOT, 8, None), ("", 0, None)],
    ids=["of the connection before", "of the node's last life", "of this one", "of a node that tells no number"],
)
async def test_late_news_of_an_earlier_connection_of_a_session_forgets_no_later_one(
    boot: str, number: int, left: str | None
) -> None:
    connections = Connections(NOWHERE, NOWHERE)
    for known in (7, 8):
        connections.opened("a", BOOT, Connection(number=known, session_id=SESSION, space_id=SPACE))
    connections.hear(gone(boot, number))
    assert connections.holding(SESSION) == left
    assert connections.carrying(SPACE) == ([left] if left else [])

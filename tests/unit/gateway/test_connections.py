"""What a gateway knows of the connections at media nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.media.v1 import Connection, Direction, Disconnected
from libs.ids import new_id
from services.gateway.app.clients import Client
from services.gateway.app.connections import Connections
from services.gateway.app.visibility import Viewer

SPACE, SESSION, BOOT, EARLIER = new_id(), new_id(), new_id(), new_id()
NOWHERE: Any = None


def gone(boot: str, number: int, direction: Direction = "publish") -> Disconnected:
    return Disconnected(
        at=datetime.now(UTC), space_id=SPACE, node_id="a", session_id=SESSION, direction=direction, reason="expired",
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


async def test_whoever_listened_is_told_that_the_connection_is_gone_and_nobody_else_is() -> None:
    ann, session = new_id(), new_id()
    own, other = Client(Viewer(ann), 10), Client(Viewer(new_id()), 10)
    guest, stranger = Client(Viewer(), 10, session), Client(Viewer(), 10)

    class Watched:
        def clients(self, _: str) -> tuple[Client, ...]:
            return own, other, guest, stranger

    watched: Any = Watched()
    for owned, told in (({"person_id": ann}, own), ({"presence_session": session}, guest), ({}, None)):
        connections = Connections(NOWHERE, watched)
        connections.opened("a", BOOT, Connection(number=8, session_id=SESSION, space_id=SPACE, **owned))
        connections.hear(gone(BOOT, 8, "subscribe"))
        for client in watched.clients(SPACE):
            frames = await client.take(0)
            assert [b"media.disconnected" in frame.sent for frame in frames or []] == [True] * (client is told)

"""On which media node a connection is placed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.media.v1 import Connection, Node
from libs.ids import new_id
from services.gateway.adapters.nodes import Nodes, _Life
from services.gateway.app.connections import Connections
from services.gateway.app.media import Media, Turn

SPACE = new_id()
NOWHERE: Any = None


@pytest.fixture
def connections() -> Connections:
    return Connections(NOWHERE, NOWHERE)


@pytest.fixture
def media(connections: Connections) -> Media:
    return Media(
        NOWHERE, Nodes(NOWHERE, connections.heard, connections.lost), connections, b"secret", Turn(), 1.0, fill=0.7
    )


def node(name: str, sessions: int) -> Node:
    return Node(node_id=name, address="127.0.0.1:1", sessions=sessions, capacity=10)


def carry(connections: Connections, name: str, count: int = 1) -> None:
    for _ in range(count):
        connections.opened(name, "", Connection(number=1, session_id=new_id(), space_id=SPACE))


def place(media: Media, nodes: list[Node], *tried: str) -> str | None:
    chosen = media._place(SPACE, nodes, set(tried))
    return None if chosen is None else chosen.node_id


async def test_a_space_stays_on_its_node_below_the_share_of_its_capacity(
    media: Media, connections: Connections
) -> None:
    carry(connections, "a")
    assert place(media, [node("a", 6), node("b", 0)]) == "a"
    assert place(media, [node("a", 7), node("b", 0), node("c", 3)]) == "b"


async def test_the_next_node_that_carries_it_comes_before_an_empty_one(media: Media, connections: Connections) -> None:
    carry(connections, "a", 3)
    carry(connections, "b", 1)
    assert place(media, [node("a", 8), node("b", 4), node("c", 0)]) == "b"


async def test_where_all_are_filled_the_least_loaded_takes_it(media: Media, connections: Connections) -> None:
    carry(connections, "a")
    assert place(media, [node("a", 9), node("b", 8), node("c", 10)]) == "b"


async def test_a_node_that_refused_is_followed_by_the_next(media: Media, connections: Connections) -> None:
    carry(connections, "a")
    nodes = [node("a", 5), node("b", 1), node("c", 2)]
    assert place(media, nodes, "a") == "b"
    assert place(media, nodes, "a", "b") == "c"
    assert place(media, nodes, "a", "b", "c") is None


async def test_those_who_come_at_once_go_to_the_same_node(media: Media) -> None:
    first = place(media, [node("a", 0), node("b", 0), node("c", 0)])
    assert {place(media, [node("a", 1), node("b", 1), node("c", 1)]) for _ in range(5)} == {first}


async def test_nodes_that_are_long_gone_are_forgotten(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, now = Nodes(NOWHERE, connections.heard, connections.lost), 1000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    for name in ("a", "b", "c"):
        life = nodes._lives[name] = _Life(node(name, 0), now)
        nodes._lose(life, "it is gone")
        assert nodes.died_lately(name)
        now += 400
    assert set(nodes._dead) == set(nodes._lost_at) == {"b", "c"}

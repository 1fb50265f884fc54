"""WHIP and WHEP: who may connect, to which node, and who may change or close a connection afterwards."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from contracts.media.v1 import (
    Answer,
    Connect,
    Connection,
    Direction,
    Disconnect,
    Node,
    Restart,
    Restarted,
    Token,
    Trickle,
)
from contracts.room.v1 import AdmitQuery
from libs.bus import Bus, Unavailable
from libs.ids import is_id
from libs.refusal import Refusal
from services.gateway.adapters.node_claims import NodeClaims
from services.gateway.adapters.nodes import Nodes
from services.gateway.app.connections import Connections
from services.gateway.app.visibility import Viewer

_log = logging.getLogger(__name__)
_PER_NODE: Final = 2.0
_CHOSEN: Final = 10.0
_TURN_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Turn:
    """TURN servers and the secret shared with them (draft-uberti-behave-turn-rest)."""

    urls: Sequence[str] = ()
    secret: bytes = b""

    def links(self, person_id: str | None) -> list[str]:
        """Values of `Link` headers with credentials good for a day (RFC 9725, section 4.6)."""
        if not self.urls:
            return []
        username, credential = self.login(person_id or "anonymous")
        return [
            f'<{url}>; rel="ice-server"; username="{username}"; credential="{credential}"; credential-type="password"'
            for url in self.urls
        ]

    def login(self, who: str) -> tuple[str, str]:
        """User name and credential that the servers take from somebody for a day."""
        username = f"{int(time.time()) + _TURN_SECONDS}:{who}"
        # SHA-1 because that is what TURN servers check.
        return username, base64.b64encode(hmac.digest(self.secret, username.encode(), "sha1")).decode()


@dataclass(frozen=True, slots=True)
class Resource:
    """One connection as its owner addresses it: `<session>.<node>.<proof>`.

    The proof is a MAC over session, node and owner, so that any gateway, also one started later, can check it.
    """

    session_id: str
    node_id: str
    proof: str

    def __str__(self) -> str:
        return f"{self.session_id}.{self.node_id}.{self.proof}"


class Media:
    """Connections at the media nodes. `secret` signs the addresses of connections."""

    def __init__(
        self,
        bus: Bus,
        nodes: Nodes,
        connections: Connections,
        secret: bytes,
        turn: Turn,
        ask_seconds: float,
        redirect: str | None = None,
        fill: float = 0.7,
    ) -> None:
        self._bus = bus
        self._nodes = nodes
        self._connections = connections
        self._claims = NodeClaims(bus)
        self._chosen: dict[str, tuple[str, float]] = {}
        """Space -> the node it is being placed on, and until when on the loop's clock that counts."""
        self._secret = secret
        self.turn = turn
        self.redirect = redirect
        """Where new connections are sent instead, as a base address."""
        self._ask_seconds = ask_seconds
        self._fill = fill

    async def connect(
        self,
        space_id: str,
        viewer: Viewer,
        direction: Direction,
        offer: str,
        *,
        command_id: str,
        session_id: str,
        repeatable: bool = False,
        presence: str | None = None,
        client_address: str | None = None,
    ) -> tuple[Resource, Answer]:
        """Set a connection up at a node that carries the Space, or at another; it keeps the session `presence` alive.

        Where it is `repeatable` and the connection exists, whoever set it up, its answer comes back.
        Refuses: space_unknown, not_live, removed, blocked, not_allowed, not_on_stage, bad_sdp, unprocessable_sdp,
        too_many_requests, node_full, idempotency_conflict, unauthenticated, unavailable.
        """
        query = AdmitQuery(
            space_id=space_id,
            publish=direction == "publish",
            actor=viewer.person_id,
            operator=viewer.operator,
            session_id=presence,
        )
        grant = (await self._bus.ask(query, timeout=self._ask_seconds)).result
        command = Connect(
            command_id=command_id,
            actor=viewer.person_id,
            operator=viewer.operator,
            space_id=space_id,
            session_id=session_id,
            person=grant.person,
            direction=direction,
            offer=offer,
            muted=grant.muted,
            recorded=grant.recorded,
            captions=grant.captions,
            consent_to_recording=grant.consent_to_recording,
            space_version=grant.version,
            presence_session=presence,
            client_address=client_address,
            token=_token_of(viewer),
        )
        full = False
        tried: set[str] = set()
        holder = await self._holder(session_id) if repeatable else None
        shared = session_id if repeatable else None
        while (node := holder or await self._choose(space_id, tried, shared)) is not None:
            tried.add(node.node_id)
            if node.sessions >= node.capacity and node is not holder:
                full = True
                continue
            holder = None
            try:
                answer = (await self._bus.ask(command, route=node.node_id, timeout=_PER_NODE)).result
            except Unavailable as error:
                _log.warning("media node %s does not answer", node.node_id, extra={"why": str(error)})
                continue
            except Refusal as no:
                if no.reason != "node_full":
                    raise
                full = True
                continue
            person_id = None if grant.person is None else grant.person.id
            connection = Connection(
                number=answer.number or 1,  # of a node that does not tell it yet
                session_id=session_id,
                space_id=space_id,
                person_id=person_id,
                presence_session=presence,
            )
            self._connections.opened(node.node_id, answer.boot, connection)
            return self._resource(session_id, node.node_id, viewer), answer
        if full:
            raise Refusal("node_full", "All media nodes are full; try again in a moment.", retry=True)
        raise Refusal("unavailable", "No media node can take the connection now; try again.", retry=True)

    async def _holder(self, session_id: str) -> Node | None:
        """The node that has this connection. Raises Unavailable."""
        nodes = {node.node_id: node for node in await self._nodes.all()}
        if self._connections.holding(session_id) is None and len(nodes) > 1:
            await self._connections.catch_up()
        return nodes.get(self._connections.holding(session_id) or "")

    async def _choose(self, space_id: str, tried: Set[str], session_id: str | None) -> Node | None:
        """The node to try next; None: there is none left. Raises Unavailable.

        With `session_id`, the one that another gateway has chosen that was asked for the same connection before.
        """
        nodes = await self._nodes.by_load()
        node = self._place(space_id, nodes, tried)
        if node is None or session_id is None or len(nodes) == 1:
            return node
        usable = {other.node_id: other for other in nodes if other.node_id not in tried}
        return usable[await self._claims.settle(session_id, node.node_id, usable)]

    def _place(self, space_id: str, nodes: Sequence[Node], tried: Set[str]) -> Node | None:
        """The node for a connection of this Space, or None where there is none left to try.

        The one that has most of the Space's connections already, while it is filled below the share of its capacity
        that is meant for this; then the next that has some. Else (for the first connection, or after that node was
        lost, is about to stop, or is filled) the least loaded, one that died a moment ago last. Two gateways that place
        a new Space in the same fifth of a second choose by the same heartbeats, and among equals by the same hash.
        """
        now = asyncio.get_running_loop().time()
        by_id = {node.node_id: node for node in nodes}
        for node_id in self._connections.carrying(space_id):
            if node_id in by_id and node_id not in tried and self._has_room(by_id[node_id]):
                return by_id[node_id]
        for other, (_, until) in tuple(self._chosen.items()):
            if until < now:
                del self._chosen[other]
        chosen, _ = self._chosen.get(space_id, ("", 0.0))
        if (
            chosen not in by_id
            or chosen in tried
            or self._nodes.died_lately(chosen)
            or not self._has_room(by_id[chosen])
        ):
            left = [node for node in nodes if node.node_id not in tried]
            if not left:
                return None

            def cost(node: Node) -> tuple[bool, float, bytes]:
                load = node.sessions / node.capacity
                return self._nodes.died_lately(node.node_id), load, _rank(space_id, node.node_id)

            chosen = min(left, key=cost).node_id
            self._chosen[space_id] = (chosen, now + _CHOSEN)
        return by_id[chosen]

    def _has_room(self, node: Node) -> bool:
        return node.sessions < node.capacity * self._fill

    async def trickle(
        self, resource_id: str, viewer: Viewer, fragment: str, etags: Sequence[str], *, command_id: str
    ) -> None:
        """Hand on ICE candidates for whichever of these ICE sessions is the present one.

        Refuses: session_unknown, not_yours, bad_sdp, precondition_failed.
        """
        resource = self._owned(resource_id, viewer)
        for number, etag in enumerate(etags, 1):
            command = Trickle(
                command_id=command_id,
                actor=viewer.person_id,
                session_id=resource.session_id,
                etag=etag,
                fragment=fragment,
            )
            try:
                await self._bus.ask(command, route=resource.node_id, timeout=self._ask_seconds)
            except Refusal as no:
                if no.reason != "precondition_failed" or number == len(etags):
                    raise
            else:
                return

    async def restart(self, resource_id: str, viewer: Viewer, fragment: str, *, command_id: str) -> Restarted:
        """Begin another ICE session. Refuses: session_unknown, not_yours, bad_sdp."""
        resource = self._owned(resource_id, viewer)
        command = Restart(
            command_id=command_id, actor=viewer.person_id, session_id=resource.session_id, fragment=fragment
        )
        return (await self._bus.ask(command, route=resource.node_id, timeout=self._ask_seconds)).result

    async def disconnect(self, resource_id: str, viewer: Viewer, *, command_id: str) -> None:
        """Close a connection. Refuses: session_unknown, not_yours."""
        resource = self._owned(resource_id, viewer)
        if all(node.node_id != resource.node_id for node in await self._nodes.all()):
            # Its node died, and the connection with it.
            raise Refusal("session_unknown", "This connection is gone.")
        command = Disconnect(command_id=command_id, actor=viewer.person_id, session_id=resource.session_id)
        await self._bus.ask(command, route=resource.node_id, timeout=self._ask_seconds)

    def _resource(self, session_id: str, node_id: str, viewer: Viewer) -> Resource:
        text = "\0".join((session_id, node_id, viewer.person_id or ""))
        digest = hmac.digest(self._secret, text.encode(), "sha256")
        return Resource(session_id, node_id, base64.urlsafe_b64encode(digest[:18]).decode())

    def _owned(self, resource_id: str, viewer: Viewer) -> Resource:
        session_id, _, rest = resource_id.partition(".")
        node_id, _, proof = rest.rpartition(".")
        # A node's id becomes a token of a subject.
        if not is_id(session_id) or not node_id.replace("-", "").replace("_", "").isalnum() or not node_id.isascii():
            raise Refusal("session_unknown", "There is no such connection.")
        mine = self._resource(session_id, node_id, viewer)
        if not hmac.compare_digest(mine.proof.encode(), proof.encode()):
            raise Refusal("not_yours", "This connection is somebody else's.")
        return mine


def _token_of(viewer: Viewer) -> Token | None:
    if viewer.token_id is None or viewer.issued_at is None or viewer.until is None:
        return None
    return Token(id=viewer.token_id, issued_at=viewer.issued_at, until=viewer.until, sign_in=viewer.sign_in)


def _rank(space_id: str, node_id: str) -> bytes:
    """An order of nodes that is another one for each Space, and the same in every gateway."""
    return hashlib.sha256(f"{space_id}\0{node_id}".encode()).digest()

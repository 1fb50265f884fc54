"""WHIP and WHEP: who may connect, to which node, and who may change or close a connection afterwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.media.v1 import Answer, Connect, Direction, Disconnect, Trickle
from contracts.room.v1 import AdmitQuery
from libs.bus import Bus, Refusal, Unavailable
from libs.ids import is_id
from services.gateway.adapters.nodes import Nodes
from services.gateway.projection import Viewer

_log = logging.getLogger(__name__)
_PER_NODE: Final = 2.0
_TURN_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Turn:
    """TURN servers and the secret shared with them (draft-uberti-behave-turn-rest)."""

    urls: Sequence[str] = ()
    secret: bytes = b""

    def links(self, person_id: str | None) -> list[str]:
        """Values of `Link` headers with credentials good for a day (RFC 9725, section 4.6)."""
        username = f"{int(time.time()) + _TURN_SECONDS}:{person_id or 'anonymous'}"
        # SHA-1 because that is what TURN servers check.
        credential = base64.b64encode(hmac.digest(self.secret, username.encode(), hashlib.sha1)).decode()
        return [
            f'<{url}>; rel="ice-server"; username="{username}"; credential="{credential}"; credential-type="password"'
            for url in self.urls
        ]


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

    def __init__(self, bus: Bus, nodes: Nodes, secret: bytes, turn: Turn, ask_seconds: float) -> None:
        self._bus = bus
        self._nodes = nodes
        self._secret = secret
        self.turn = turn
        self._ask_seconds = ask_seconds

    async def connect(
        self,
        space_id: str,
        viewer: Viewer,
        direction: Direction,
        offer: str,
        *,
        command_id: str,
        session_id: str,
        presence: str | None = None,
    ) -> tuple[Resource, Answer]:
        """Set a connection up on the least loaded node that takes it; it keeps the session `presence` alive.

        Refuses: space_unknown, not_live, removed, blocked, not_allowed, not_on_stage, bad_sdp, node_full, unavailable.
        """
        query = AdmitQuery(
            space_id=space_id, publish=direction == "publish", actor=viewer.person_id, operator=viewer.operator
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
        )
        full = False
        for node in await self._nodes.by_load():
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
            return self._resource(session_id, node.node_id, viewer), answer
        if full:
            raise Refusal("node_full", "All media nodes are full; try again in a moment.", retry=True)
        raise Refusal("unavailable", "No media node can take the connection now; try again.", retry=True)

    async def trickle(
        self, resource_id: str, viewer: Viewer, fragment: str, etag: str | None, *, command_id: str
    ) -> None:
        """Hand on ICE candidates. Refuses: session_unknown, not_yours, bad_sdp, precondition_failed."""
        resource = self._owned(resource_id, viewer)
        command = Trickle(
            command_id=command_id,
            actor=viewer.person_id,
            session_id=resource.session_id,
            etag=etag,
            fragment=fragment,
        )
        await self._bus.ask(command, route=resource.node_id, timeout=self._ask_seconds)

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
        digest = hmac.digest(self._secret, text.encode(), hashlib.sha256)
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

"""The node's connections."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from rostrum_forwarder import Report

from contracts.envelope import Event
from contracts.media import v1
from contracts.presence.v1 import Lease
from contracts.relayed import Packet
from contracts.room import v1 as room
from contracts.room.follow import member
from libs.ids import new_id
from libs.refusal import Refusal
from services.media.adapters.capture import Bundle
from services.media.adapters.edge import Edge
from services.media.adapters.neighbours import Neighbours, Said
from services.media.adapters.offer import BadOffer, Offer, UnsuitableOffer, read_fragment, read_offer
from services.media.app.admission import admit
from services.media.app.elsewhere import Elsewhere
from services.media.app.half_open import HalfOpen
from services.media.app.heard import Heard
from services.media.app.session import Reason, Session, number_of
from services.media.app.spaces import Followed, Snapshot, Spaces

_CONNECTIONS: Final = 1000


class Media:
    """Runs on one event loop; only `connect`, `refresh` and `close_all` wait for anything.

    `edge`      makes the media ports, which tell this object what happens there
    `snapshot`  asks room for a Space
    `tell`      publishes an event, `keep` stores a captured bundle; neither waits
    `neighbours` are the other nodes
    """

    def __init__(
        self,
        edge: Callable[[Media], Edge],
        *,
        node_id: str,
        capacity: int,
        half_open: HalfOpen,
        snapshot: Snapshot,
        tell: Callable[[Event], None],
        keep: Callable[[Bundle], None],
        clock: Callable[[], datetime],
        neighbours: Neighbours,
    ) -> None:
        self.edge = edge(self)
        self.node_id = node_id
        self.boot = new_id()
        self.draining = False
        self._capacity = capacity
        self._half_open = half_open
        self._tell = tell
        self._keep = keep
        self._clock = clock
        self._opened = 0
        self._sessions: dict[str, Session] = {}
        self._by_number: dict[int, Session] = {}
        self._spaces = Spaces(snapshot, self._enforce)
        self._elsewhere = Elsewhere(self.edge, neighbours)
        self._heard = Heard(self._spaces, self._elsewhere, node_id, tell, clock)
        neighbours.on_change, neighbours.on_said = self._heard.carriers_changed, self._heard.said_elsewhere
        self._empty = asyncio.Event()
        self._empty.set()

    # -- commands ----------------------------------------------------------------------------------------------

    async def connect(self, command: v1.Connect) -> v1.Answer:
        """Set a connection up.

        Refuses: bad_sdp, unprocessable_sdp, node_full, too_many_requests, and what room's present state says
        against it.
        """
        if self.draining or len(self._by_number) >= self._capacity:
            raise Refusal("node_full", "This media node takes no more connections.", retry=True)
        person_id = None if command.person is None else command.person.id
        self._half_open.check(person_id, command.client_address)
        try:
            offer = read_offer(command.offer, command.direction)
        except UnsuitableOffer as error:
            raise Refusal("unprocessable_sdp", str(error)) from error
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        try:
            followed, space = await self._spaces.at(command.space_id, command.space_version)
            # From here on nothing waits: what room says next finds the session in its place.
            muted, consent = admit(space, command)
            self._replace(followed, command)
            self._opened += 1
            session = Session(
                number=self._opened,
                id=command.session_id,
                space_id=command.space_id,
                person=command.person,
                direction=command.direction,
                recordable=command.recorded or command.captions,
                opened_at=self._clock(),
                presence=command.presence_session or command.session_id,
                remote_ufrag=offer.ufrag,
                mid=offer.slots[0].mid,
                address=command.client_address,
                muted=muted,
                capture=consent and (command.recorded or command.captions),
            )
            answer = self._open(session, offer)
            self._sessions[session.id] = self._by_number[session.number] = session
            followed.sessions[session.number] = session
            self._elsewhere.opened(followed.id)
            self._half_open.add(session)
            self._empty.clear()
        finally:
            self._spaces.drop_idle(command.space_id)
        return v1.Answer(session_id=session.id, node_id=self.node_id, sdp=answer, etag=session.etag, boot=self.boot)

    def _open(self, session: Session, offer: Offer) -> str:
        space = number_of(session.space_id)
        owner = 0 if session.person_id is None else number_of(session.person_id)
        if session.direction == "subscribe":
            return self.edge.subscribe(session.number, space, owner, offer)
        return self.edge.publish(session.number, space, owner, offer, muted=session.muted, capture=session.capture)

    def _replace(self, followed: Followed, command: v1.Connect) -> None:
        """The same session asked for again, or the same person speaking from a new client."""
        again = self._sessions.get(command.session_id)
        if again is not None:
            self._close(again, "replaced")
        if command.direction == "publish":
            for session in followed.sessions.values():
                if session.direction == "publish" and session.person == command.person:
                    self._close(session, "replaced")

    def disconnect(self, session_id: str) -> None:
        """Close a connection. Refuses: session_unknown."""
        self._close(self._known(session_id), "closed")

    def trickle(self, session_id: str, fragment: str, etag: str | None) -> None:
        """Take an ICE fragment (RFC 8840). We are ICE-lite: candidates tell us nothing that checks do not.

        Refuses: session_unknown, precondition_failed, bad_sdp.
        """
        session = self._known(session_id)
        if etag is not None and etag.strip('"') not in ("*", session.etag):
            raise Refusal("precondition_failed", "The ICE session is another one by now.")
        try:
            told = read_fragment(fragment)
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        if told.ufrag not in (None, session.remote_ufrag):
            raise Refusal("bad_sdp", "These are candidates of another ICE session; to begin one, say If-Match: *.")

    def restart(self, session_id: str, fragment: str) -> v1.Restarted:
        """Begin another ICE session. Asked again with the same credentials, it is begun again, which changes nothing.

        Refuses: session_unknown, bad_sdp.
        """
        session = self._known(session_id)
        try:
            told = read_fragment(fragment)
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        if told.ufrag is None or told.pwd is None:
            raise Refusal("bad_sdp", "A restart needs a new ice-ufrag and a new ice-pwd.")
        answer = self.edge.restart(session.number, session.mid, told.ufrag, told.pwd)
        session.remote_ufrag = told.ufrag
        session.restarts += 1
        return v1.Restarted(etag=session.etag, fragment=answer)

    def _known(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None or session.closing:
            raise Refusal("session_unknown", "This connection is gone.")
        return session

    def _close(self, session: Session, reason: Reason) -> None:
        if session.closing is None:
            session.closing = reason
            self.edge.close(session.number)

    def is_empty(self) -> bool:
        """Whether nobody is connected."""
        return self._empty.is_set()

    @property
    def listening(self) -> bool:
        """Whether anybody hears those who speak here: a listener here, or another node that carries the Space."""
        return any(
            session.direction == "subscribe" or self._elsewhere.shared(session.space_id)
            for session in self._by_number.values()
        )

    async def close_all(self) -> None:
        """Take no more connections, close all, and return when the last is closed.

        The reason is `failed`: nobody wanted them closed, and their clients connect elsewhere.
        """
        self.draining = True
        for session in self._by_number.values():
            self._close(session, "failed")
        await self._empty.wait()

    # -- what room says ----------------------------------------------------------------------------------------

    def saw(self, event: Event) -> None:
        """A room event, in the stream's order."""
        if isinstance(event, room.SpaceEvent):
            self._spaces.saw(event)

    async def refresh(self) -> None:
        """Ask for all Spaces again, after events may have been missed. Raises Refusal, Unavailable."""
        await self._spaces.refresh()

    def _enforce(self, followed: Followed, space: room.Space) -> None:
        """Make the edge do what the Space says. Doing it twice changes nothing."""
        for session in followed.sessions.values():
            if session.closing is not None:
                continue
            if space.state is not room.State.LIVE:
                self._close(session, "ended")
            elif session.person_id is not None and session.person_id in space.removed:
                self._close(session, "removed")
            elif session.direction == "publish":
                self._enforce_place(session, member(space, session.person_id))
        self._elsewhere.enforce(space)

    def _enforce_place(self, session: Session, place: room.StageMember | None) -> None:
        if place is None:
            self._close(session, "removed")
            return
        if place.muted != session.muted:
            session.muted = place.muted
            self.edge.set_muted(session.number, place.muted)
        capture = place.consent_to_recording and session.recordable
        if capture != session.capture:
            session.capture = capture
            self.edge.set_capture(session.number, capture)

    # -- what the edge says ------------------------------------------------------------------------------------

    def connected(self, session: int, setup_ms: float) -> None:
        """Keys are in place."""
        known = self._by_number.get(session)
        if known is None:
            return
        known.connected = True
        self._half_open.done(known)
        head = known.head(self.node_id, self._clock())
        self._tell(v1.Connected(**head, direction=known.direction, setup_ms=setup_ms))

    def closed(self, session: int, *, expired: bool, failed: bool, report: Report) -> None:
        """The forwarder has let go of it."""
        known = self._by_number.pop(session, None)
        if known is None:
            return
        self._half_open.done(known)
        known.closing = "failed" if failed else "expired" if expired else known.closing or "closed"
        self._heard.fell_silent(known)
        if self._sessions.get(known.id) is known:
            del self._sessions[known.id]
        followed = self._spaces.get(known.space_id)
        if followed is not None:
            followed.sessions.pop(session, None)
            self._elsewhere.silent_here(followed.id, known.person_id)
            if not followed.sessions:
                self._elsewhere.left(followed.id)
            self._spaces.drop_idle(known.space_id)
        if not self._by_number:
            self._empty.set()
        self._tell(
            v1.Disconnected(
                **known.head(self.node_id, self._clock()),
                direction=known.direction,
                reason=known.closing,
                packets=report.packets,
                lost=report.lost,
            )
        )

    def talking(self, space: int, sessions: list[int]) -> None:
        """Who is heard now, loudest first."""
        self._heard.talking(space, sessions)

    def relayed(self, session: int, packets: list[Packet]) -> None:
        """Packets of a speaker here, for the other nodes that carry the Space."""
        known = self._by_number.get(session)
        if known is not None and known.person_id is not None and not known.muted and known.closing is None:
            self._elsewhere.said_here(Said(known.space_id, known.id, known.person_id, packets))

    def captured(self, session: int, packets: int, bundle: bytes) -> None:
        """A bundle of a speaker's packets."""
        known = self._by_number.get(session)
        if known is None or known.person is None:
            return
        known.bundles += 1
        person = known.person
        self._keep(Bundle(known.space_id, known.id, person.id, person.name, known.bundles, packets, bundle))

    # -- what the node says of itself --------------------------------------------------------------------------

    def describe(self) -> v1.Node:
        """The node as it stands in the bucket."""
        return v1.Node(
            node_id=self.node_id,
            address=f"{self.edge.host}:{self.edge.port}",
            sessions=len(self._by_number),
            capacity=self._capacity,
            draining=self.draining,
            boot=self.boot,
            opened=self._opened,
        )

    def connections(self, after: int) -> v1.Connections:
        """Open connections with a higher number, at most `_CONNECTIONS` of them."""
        open_ones = (session for session in self._by_number.values() if session.number > after and not session.closing)
        return v1.Connections(
            node=self.describe(),
            connections=tuple(
                v1.Connection(
                    number=session.number,
                    session_id=session.id,
                    space_id=session.space_id,
                    person_id=session.person_id,
                    presence_session=session.presence,
                )
                for session in itertools.islice(open_ones, _CONNECTIONS)
            ),
        )

    def connected_sessions(self) -> Iterable[Session]:
        """Those whose audio can flow."""
        return (session for session in self._by_number.values() if session.connected and session.closing is None)

    def leases(self) -> Iterable[Lease]:
        """Leases of everybody who is connected."""
        for session in self.connected_sessions():
            yield Lease(
                space_id=session.space_id,
                session_id=session.presence,
                person_id=session.person_id,
                joined_at=session.opened_at,
                platform="webrtc",
            )

"""One media node: its connections, and whose audio flows over them."""

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
from contracts.relayed import RelayedPacket
from contracts.room import v1 as room
from contracts.room.follow import member
from libs.ids import new_id
from libs.refusal import Refusal
from services.media.adapters.capture import OutgoingBundle
from services.media.adapters.edge import Edge
from services.media.adapters.neighbours import Neighbours, SpeakerPackets
from services.media.adapters.offer import BadOffer, SdpOffer, UnsuitableOffer, read_offer
from services.media.app.admission import admit
from services.media.app.followed_spaces import FetchSpace, FollowedSpace, FollowedSpaces
from services.media.app.half_open import HalfOpen
from services.media.app.held_leases import HeldLeases, lease_of
from services.media.app.open_connections import OpenConnections
from services.media.app.remote_speakers import RemoteSpeakers
from services.media.app.revoked_tokens import RevokedTokens
from services.media.app.session import Answered, Reason, Session, number_of
from services.media.app.speaking import SpeakingEvents

_CONNECTIONS: Final = 1000
_QUIET_US: Final = 15_000_000
"""A connection that is not heard for so long keeps nobody counted. Seen at the next renewal of all leases, so that
whoever vanishes is counted for 20 s at most; checks of clients come every 5 s or so."""


class MediaNode:
    """The connections of one node, kept as room's Spaces and the forwarder say.

    It runs on one event loop; only `connect`, `refresh` and `close_all` wait for anything.

    `edge`      makes the media ports, which tell this object what happens there
    `snapshot`  asks room for a Space
    `tell`      publishes an event, `keep` stores a captured bundle; neither waits
    `neighbours` are the other nodes
    """

    def __init__(
        self,
        edge: Callable[[MediaNode], Edge],
        *,
        node_id: str,
        capacity: int,
        half_open: HalfOpen,
        open_connections: OpenConnections,
        revoked: RevokedTokens,
        snapshot: FetchSpace,
        tell: Callable[[Event], None],
        keep: Callable[[OutgoingBundle], None],
        clock: Callable[[], datetime],
        neighbours: Neighbours,
    ) -> None:
        self.edge = edge(self)
        self.node_id = node_id
        self.boot = new_id()
        self.draining = False
        self._capacity = capacity
        self._half_open = half_open
        self._open_connections = open_connections
        self._revoked = revoked
        self._tell = tell
        self._keep = keep
        self._clock = clock
        self._opened = 0
        self._sessions: dict[str, Session] = {}
        self._by_number: dict[int, Session] = {}
        self.spaces = FollowedSpaces(snapshot, self._enforce)
        self._neighbours = neighbours
        self._remote_speakers = RemoteSpeakers(self.edge, neighbours)
        self.speaking = SpeakingEvents(self.spaces, self._remote_speakers, neighbours, node_id, tell, clock)
        self.held = HeldLeases()
        self._empty = asyncio.Event()
        self._empty.set()

    # -- commands ----------------------------------------------------------------------------------------------

    async def connect(self, command: v1.Connect) -> v1.Answer:
        """Set a connection up; while it lives, the same command gets the same answer.

        Refuses: bad_sdp, unprocessable_sdp, node_full, too_many_requests, idempotency_conflict, unauthenticated, and
        what room's present state says against it.
        """
        if (again := self._again(command)) is not None:
            return again
        if self.draining or len(self._by_number) >= self._capacity:
            raise Refusal("node_full", "This media node takes no more connections.", retry=True)
        person_id = None if command.person is None else command.person.id
        self._half_open.check(person_id, command.client_address)
        self._open_connections.check(person_id, command.client_address)
        try:
            offer = read_offer(command.offer, command.direction)
        except UnsuitableOffer as error:
            raise Refusal("unprocessable_sdp", str(error)) from error
        except BadOffer as error:
            raise Refusal("bad_sdp", str(error)) from error
        try:
            followed, space = await self.spaces.at(command.space_id, command.space_version)
            if (again := self._again(command)) is not None:
                return again  # it was sent twice, and the other one waited less
            # From here on nothing waits: what room says next finds the session in its place.
            muted, consent = admit(space, command)
            if person_id is not None and command.token is not None and self._revoked.has(person_id, command.token):
                raise Refusal("unauthenticated", "This token was revoked; sign in again.")
            self._replace(followed, command)
            self._opened += 1
            session = Session(
                number=self._opened,
                id=command.session_id,
                space_id=command.space_id,
                person=command.person,
                direction=command.direction,
                recordable=command.recorded or command.captions,
                recorded=command.recorded,
                opened_at=self._clock(),
                audio_id=new_id(),
                presence=command.presence_session or command.session_id,
                remote_ufrag=offer.ufrag,
                mid=offer.bundle[0] if offer.bundle else offer.slots[0].mid,
                address=command.client_address,
                token=command.token,
                muted=muted,
                capture=consent and (command.recorded or command.captions),
            )
            answer = self._open(session, offer)
            session.answered = Answered.of(command, answer)
            self._sessions[session.id] = self._by_number[session.number] = session
            followed.sessions[session.number] = session
            self._remote_speakers.opened(followed.id)
            self._half_open.add(session)
            self._open_connections.add(session)
            self._end_with_token(session)
            self._empty.clear()
        finally:
            self.spaces.drop_idle(command.space_id)
        return self._answer(session, answer)

    def _again(self, command: v1.Connect) -> v1.Answer | None:
        """The answer that its connection was given, while that lives. Refuses: idempotency_conflict."""
        session = self._sessions.get(command.session_id)
        if session is None or session.closing is not None or session.answered is None:
            return None
        return self._answer(session, session.answered.again(command))

    def _answer(self, session: Session, sdp: str) -> v1.Answer:
        """The answer to the first ICE session, and its ETag."""
        return v1.Answer(
            session_id=session.id,
            node_id=self.node_id,
            sdp=sdp,
            etag=session.id,
            boot=self.boot,
            number=session.number,
        )

    def _open(self, session: Session, offer: SdpOffer) -> str:
        space = number_of(session.space_id)
        owner = 0 if session.person_id is None else number_of(session.person_id)
        if session.direction == "subscribe":
            return self.edge.subscribe(session.number, offer, space=space, owner=owner)
        return self.edge.publish(
            session.number, offer, space=space, owner=owner, muted=session.muted, capture=session.capture
        )

    def _replace(self, followed: FollowedSpace, command: v1.Connect) -> None:
        """Close what this connection replaces: the same person speaking from another client."""
        if command.direction == "publish":
            for session in followed.sessions.values():
                if session.direction == "publish" and session.person == command.person:
                    self._close(session, "replaced")

    def _end_with_token(self, session: Session) -> None:
        if session.token is not None:
            left = max(0.0, (session.token.until - self._clock()).total_seconds())
            session.ends = asyncio.get_running_loop().call_later(left, self._close, session, "closed")

    def revoked(self) -> None:
        """Close the connections that were opened with a token that is revoked."""
        for session in tuple(self._by_number.values()):
            if session.person_id and session.token and self._revoked.has(session.person_id, session.token):
                self._close(session, "closed")

    def disconnect(self, session_id: str) -> None:
        """Close a connection. Refuses: session_unknown."""
        self._close(self.known(session_id), "closed")

    def known(self, session_id: str) -> Session:
        """The open connection with this id. Refuses: session_unknown."""
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
        """Whether anybody hears those who speak here: a listener here, another node that carries the Space, or
        recording."""
        return any(
            session.direction == "subscribe" or self._neighbours.wanted(session.space_id)
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
        """Take a room event, in the stream's order."""
        if isinstance(event, room.SpaceEvent):
            self.spaces.saw(event)

    def _enforce(self, followed: FollowedSpace, space: room.Space) -> None:
        """Apply the Space's state to its connections. Doing it twice changes nothing."""
        removed = frozenset(space.removed)
        for session in followed.sessions.values():
            if session.closing is not None:
                continue
            if space.state is not room.State.LIVE:
                self._close(session, "ended")
            elif session.person_id is not None and session.person_id in removed:
                self._close(session, "removed")
            elif session.direction == "publish":
                self._enforce_place(session, member(space, session.person_id))
        self._remote_speakers.enforce(space)

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
        self.held.connected(known)
        self._half_open.done(known)
        head = known.head(self.node_id, self._clock())
        self._tell(v1.Connected(**head, direction=known.direction, setup_ms=setup_ms))

    def closed(self, session: int, *, expired: bool, failed: bool, report: Report) -> None:
        """The forwarder has closed the session."""
        known = self._by_number.pop(session, None)
        if known is None:
            return
        self._half_open.done(known)
        self._open_connections.done(known)
        if known.ends is not None:
            known.ends.cancel()
        known.closing = "failed" if failed else "expired" if expired else known.closing or "closed"
        if known.connected:
            self.held.closed(known)
        self.speaking.fell_silent(known)
        if self._sessions.get(known.id) is known:
            del self._sessions[known.id]
        followed = self.spaces.get(known.space_id)
        if followed is not None:
            followed.sessions.pop(session, None)
            self._remote_speakers.silent_here(followed.id, known.person_id)
            if not followed.sessions:
                self._remote_speakers.left(followed.id)
            self.spaces.drop_idle(known.space_id)
        if not self._by_number:
            self._empty.set()
        self._tell(
            v1.Disconnected(
                **known.head(self.node_id, self._clock()),
                boot=self.boot,
                number=known.number,
                direction=known.direction,
                reason=known.closing,
                packets=report.packets,
                lost=report.lost,
            )
        )

    def talking(self, space: int, sessions: list[int]) -> None:
        """Who is heard now, loudest first."""
        self.speaking.talking(space, sessions)

    def relayed(self, session: int, packets: list[RelayedPacket]) -> None:
        """Send packets of a speaker here to the other nodes that carry the Space."""
        known = self._by_number.get(session)
        if known is not None and known.person_id is not None and not known.muted and known.closing is None:
            self._remote_speakers.relay(SpeakerPackets(known.space_id, known.audio_id, known.person_id, packets))

    def captured(self, session: int, packets: int, bundle: bytes) -> None:
        """Have a bundle of a speaker's packets stored."""
        known = self._by_number.get(session)
        if known is None or known.person is None:
            return
        known.bundles += 1
        self._keep(
            OutgoingBundle(
                known.space_id, known.audio_id, known.person.id, known.bundles, packets, bundle, known.recorded
            )
        )

    # -- what the node says of itself --------------------------------------------------------------------------

    def describe(self) -> v1.Node:
        """The node's entry in the bucket of nodes."""
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
        # From the newest on, since most questions are about a few: they stand in the order of their numbers.
        newer = [*itertools.takewhile(lambda session: session.number > after, reversed(self._by_number.values()))]
        open_ones = (session for session in reversed(newer) if not session.closing)
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

    async def leases(self) -> list[Lease]:
        """Leases of everybody who is connected and was heard lately; who was not is let go of."""
        reports = await self.edge.reports()
        alive: list[Lease] = []
        for session in self.connected_sessions():
            report = reports.get(session.number)
            if report is not None and report.quiet_us >= _QUIET_US:
                self.held.quiet(session)
            else:
                self.held.heard(session)
                alive.append(lease_of(session))
        return alive

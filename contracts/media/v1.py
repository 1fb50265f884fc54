"""Media: connections at the edge and who is speaking. Facts of the moment, published directly."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SessionId, SpaceId, event
from contracts.growing import GROWS
from contracts.times import Moment

Sdp = Annotated[str, StringConstraints(min_length=1, max_length=32_768)]
Direction = Literal["publish", "subscribe"]


class MediaEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId
    node_id: str


@event("media", "speaking", Audience.PUBLIC)
class Speaking(MediaEvent):
    """Who is heard now, loudest first; at most every 100 ms, and only when it changed. Empty when all fell silent."""

    person_ids: Annotated[tuple[PersonId, ...], Field(max_length=13)]


@event("media", "talked", Audience.OPERATORS)
class Talked(MediaEvent):
    """How long a person was on air without a pause of note; for talk time. Sent when the stretch ends."""

    person_id: PersonId
    session_id: SessionId
    seconds: float = Field(ge=0)


@event("media", "connected", Audience.HOSTS, Audience.PERSON, Audience.OPERATORS, concerns=("person_id",))
class Connected(MediaEvent):
    """ICE and DTLS are done: audio can flow. Hosts are told of those who speak only."""

    session_id: SessionId
    person_id: PersonId | None = None
    """Who speaks over it; whoever listens is not named, for they may hide."""
    direction: Annotated[Direction, GROWS]
    setup_ms: float = Field(ge=0)
    """From the offer to the finished DTLS handshake."""


@event("media", "disconnected", Audience.HOSTS, Audience.PERSON, Audience.OPERATORS, concerns=("person_id",))
class Disconnected(MediaEvent):
    """The connection is gone. Hosts are told of those who spoke only."""

    session_id: SessionId
    person_id: PersonId | None = None
    """As in `Connected`."""
    direction: Annotated[Direction, GROWS]
    reason: Annotated[Literal["closed", "expired", "removed", "ended", "replaced", "failed"], GROWS]
    packets: int = Field(default=0, ge=0)
    """Accepted from a publisher, or sent to a subscriber."""
    lost: int = Field(default=0, ge=0)
    boot: str = ""
    """Of the node."""
    number: int = Field(default=0, ge=0)
    """The connection's, as in `Connection`: another one may have the same session by now. 0: not told."""


@event("media", "quality", Audience.PERSON, Audience.OPERATORS, concerns=("person_id",))
class Quality(MediaEvent):
    """What a connection's receiver reports said of the last seconds, where it is poor: the worst few of a Space."""

    session_id: SessionId
    person_id: PersonId | None = None
    """As in `Connected`."""
    direction: Annotated[Direction, GROWS]
    fraction_lost: float = Field(ge=0, le=1)
    jitter_ms: float = Field(ge=0)
    round_trip_ms: float | None = Field(default=None, ge=0)


class Spread(Model):
    """How a figure is spread over connections."""

    p50: float = Field(ge=0)
    p95: float = Field(ge=0)
    worst: float = Field(ge=0)


@event("media", "space_quality", Audience.HOSTS, Audience.OPERATORS)
class SpaceQuality(MediaEvent):
    """How a Space's listeners at one node fare, every ten seconds or so while any of them reports."""

    listeners: int = Field(ge=0)
    reporting: int = Field(ge=0)
    """Those whose receiver reports came lately; the spreads are over them."""
    packets: int = Field(default=0, ge=0)
    """Sent to all of them since the last time."""
    lost: int = Field(default=0, ge=0)
    """Of those, by their receivers' word."""
    fraction_lost: Spread | None = None
    """0 to 1, of the last reporting interval."""
    jitter_ms: Spread | None = None
    round_trip_ms: Spread | None = None


class Node(Model):
    """A media process, as it stands in the nodes bucket."""

    node_id: str
    address: str
    """host:port of its UDP socket."""
    sessions: int = Field(ge=0)
    capacity: int = Field(ge=1)
    draining: bool = False
    """It is about to stop: it takes no more connections, and those it has should move to another node."""
    boot: str = ""
    """Another one after each start: connections of an earlier one are gone."""
    opened: int = Field(default=0, ge=0)
    """How many connections it has taken since it started; the number of the newest."""


class NodeNewsName(StrEnum):
    """Under which name a client is told about a node in its live events."""

    LOST = "media.node_lost"
    """It is gone: connect again."""
    DRAINING = "media.node_draining"
    """It is about to stop: connect elsewhere, then hang up."""


class NodeNews(Model):
    """What a gateway tells a client about a node that it is connected to; no event of the stream, so without an id."""

    node_id: str
    sessions: tuple[str, ...]
    """The client's connections there, by the first part of the last segment of their `Location`."""


class Answer(Model):
    """The node's answer to an offer."""

    session_id: SessionId
    node_id: str
    sdp: str
    etag: str
    """Identifies the ICE session (RFC 9725, 4.3.1)."""
    boot: str = ""
    """Of the node."""
    number: int = Field(default=0, ge=0)
    """The connection's, as in `Connection`; 0: not told."""


class Token(Model):
    """The token of the person who opens a connection, which ends with it."""

    id: str
    """By which it is revoked."""
    issued_at: Moment
    until: Moment
    sign_in: str | None = None
    """The sign-in that it comes of, which may be revoked instead."""


@register
class Connect(Command[Answer]):
    """Sets up one connection; the gateway has asked room for the grant. Routed to a node.

    Sent again for a session that is open, with the same offer, it changes nothing and gets the same answer.
    Refuses: bad_sdp, unprocessable_sdp, node_full, too_many_requests (half-open ones of the person or the address, open
    ones of the person, or anonymous ones of the address), idempotency_conflict (another offer for a session that is
    open), unauthenticated (the token was revoked).
    A second `publish` of the same person in the same Space replaces the first.
    """

    service = "media"
    name = "connect"
    result = Answer
    space_id: SpaceId
    session_id: SessionId
    person: PersonRef | None
    direction: Direction
    offer: Sdp
    muted: bool = False
    recorded: bool = False
    captions: bool = False
    consent_to_recording: bool = False
    space_version: int = 0
    """Version of the Space at which the grant was given."""
    presence_session: SessionId | None = None
    """The session the client opened for its presence: this connection keeps it alive, and is not counted beside it."""
    client_address: Annotated[str, StringConstraints(max_length=64)] | None = None
    """Where the HTTP request came from, for the bounds on half-open and anonymous connections."""
    token: Token | None = None
    """The actor's. When it expires or is revoked the connection is `closed`."""


@register
class Disconnect(Command[Nothing]):
    """Closes one connection. Refuses: session_unknown."""

    service = "media"
    name = "disconnect"
    result = Nothing
    session_id: SessionId


@register
class Trickle(Command[Nothing]):
    """A trickled ICE fragment (RFC 8840) of the ICE session `etag`.

    Refuses: session_unknown, bad_sdp, precondition_failed.
    """

    service = "media"
    name = "trickle"
    result = Nothing
    session_id: SessionId
    etag: str | None = None
    fragment: Sdp


class Restarted(Model):
    """The node's side of the new ICE session."""

    etag: str
    fragment: str
    """As `application/trickle-ice-sdpfrag`."""


@register
class Restart(Command[Restarted]):
    """Begins another ICE session on a connection (RFC 9725, section 4.3.3); DTLS and SRTP go on as they are.

    Refuses: session_unknown, bad_sdp.
    """

    service = "media"
    name = "restart"
    result = Restarted
    session_id: SessionId
    fragment: Sdp
    """With the client's new `ice-ufrag` and `ice-pwd`."""


class Connection(Model):
    """One connection at a node, for the gateways that tell its client what becomes of it."""

    number: int = Field(ge=1)
    """Rises with every connection the node takes."""
    session_id: SessionId
    space_id: SpaceId
    person_id: PersonId | None = None
    presence_session: SessionId | None = None


class Connections(Model):
    """What a node answers, lowest number first."""

    node: Node
    connections: tuple[Connection, ...] = ()


@register
class ConnectionsQuery(Query[Connections]):
    """The node's open connections with a higher number than `after`, at most 1000. Routed to a node."""

    service = "media"
    name = "connections"
    result = Connections
    after: int = Field(default=0, ge=0)


class SpaceConnections(Model):
    """A Space's connections at one node."""

    summary: SpaceQuality
    """Its listeners, at this moment."""
    worst: Annotated[tuple[Quality, ...], Field(max_length=20)] = ()
    """Of those that report, listeners and speakers, the worst first."""


@register
class SpaceQualityQuery(Query[SpaceConnections]):
    """How a Space's connections fare. Routed to a node; for operators, as the gateway has checked."""

    service = "media"
    name = "space_quality"
    result = SpaceConnections
    space_id: SpaceId

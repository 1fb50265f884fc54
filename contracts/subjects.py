"""Every subject, stream, bucket and header name on the bus.

A subject is a list of tokens joined by dots. Keys (space, person, node and session ids) are single tokens.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

EVENTS_STREAM: Final = "EVENTS"
"""All contract events of all services; its sequence is the order everybody sees."""
CAPTURE_STREAM: Final = "CAPTURE"
"""Speakers' Opus packets, bundled about ten a second, read by recording and transcription."""
DEAD_LETTER_STREAM: Final = "DEAD_LETTERS"
"""Messages that a consumer gave up on, with the reason."""

LEASES_BUCKET: Final = "leases"
"""Who owns which partition: key `<service>.<partition>`, value the owner's instance id."""
NODES_BUCKET: Final = "nodes"
"""Live media nodes: key `<node id>`, value a JSON `contracts.media.v1.Node`."""

EVENTS_SUBJECTS: Final = "rostrum.*.v1.*.*"
PASSING_SUBJECTS: Final = "passing.*.v1.*.*"
"""Contract events that are kept nowhere (core NATS): whoever does not listen now never hears of them."""
CAPTURE_SUBJECTS: Final = "capture.v1.*.*"
DEAD_LETTER_SUBJECTS: Final = "deadletter.v1.>"

REPUBLISHED: Final = "stored.>"
"""Where NATS says again what a stream has taken, with its place there (core NATS); see `republished`."""

INBOXES: Final = "_INBOX."
"""What every subject begins with on which somebody waits for an answer."""

ANY: Final = "any"
"""The route token of a command or query that every instance of a service can answer."""

# Headers beside the CloudEvents ones (`ce-*`, CloudEvents 1.0 NATS protocol binding, binary mode).
HEADER_FROM: Final = "rostrum-from"
"""On core NATS: the service that says it. What NATS is made to say has no such header, or NATS's own beside it."""
HEADER_SAID: Final = "rostrum-said"
"""On what a stream keeps for a time (moments, captured audio): when it was sent, in seconds of Unix time."""
HEADER_SPACE: Final = "rostrum-space"
"""The Space an event concerns, where it concerns one."""
HEADER_NOTIFICATION: Final = "rostrum-notification"
"""Id of the stored event's notification; where the relay resumes."""
HEADER_SESSION: Final = "rostrum-session"
HEADER_PERSON: Final = "rostrum-person"
HEADER_UNIT: Final = "rostrum-unit"
"""On captured audio: the unit that it is sealed for."""
HEADER_NODE: Final = "rostrum-node"
"""On relayed audio: the media node that it comes from."""
HEADER_REASON: Final = "rostrum-reason"
HEADER_ORIGIN: Final = "rostrum-origin"
"""On a dead letter: the subject it was first published on."""
HEADER_SEQUENCE: Final = "rostrum-sequence"
"""On a dead letter: its sequence in the stream it came from."""
HEADER_PUBLISHED_AT: Final = "rostrum-published-at"
"""On a dead letter: when it was first published (ISO 8601, UTC)."""
HEADER_TRACEPARENT: Final = "traceparent"

SERVICES: Final = (
    "room",
    "people",
    "discovery",
    "media",
    "recording",
    "transcription",
    "tipping",
    "analytics",
    "notifications",
    "gateway",
)

CONTEXTS_OF: Final[dict[str, tuple[str, ...]]] = {
    "room": ("room", "presence"),
    "people": ("people",),
    "discovery": ("discovery",),
    "media": ("media",),
    "recording": ("recording",),
    "transcription": ("transcription", "captions"),
    "tipping": ("tipping",),
    "analytics": (),
    "notifications": ("notifications",),
    "gateway": (),
}
"""The event contexts each service may publish. The context named like the service comes from its event store through
the relay and is kept for ever; the others (and all of `media`) are moments, published directly and kept for a time."""


PASSED_OVER: Final = "event_passed_over"
"""The name of people's event by which operators pass over an event that cannot be read."""

STORED_CONTEXTS: Final = ("room", "people", "recording", "transcription", "tipping", "notifications")
"""The contexts whose events come from a store, through a relay."""


def republished(subject: str) -> str:
    """Where NATS says again what a stream has taken of a subject, or pattern; nobody else may publish there."""
    return REPUBLISHED.replace(">", subject)


def event(context: str, key: str, name: str) -> str:
    """Subject of a contract event; `key` is the id of the Space or the person it belongs to."""
    return f"rostrum.{context}.v1.{key}.{name}"


def passing_event(context: str, key: str, name: str) -> str:
    """Subject of a contract event that is kept nowhere (core NATS)."""
    return f"passing.{context}.v1.{key}.{name}"


def passing_events_of(context: str) -> str:
    """Every event of one context that is kept nowhere."""
    return f"passing.{context}.v1.*.*"


def events_of(context: str) -> str:
    """Every event of one context."""
    return f"rostrum.{context}.v1.*.*"


def events_of_key(key: str) -> str:
    """Every event whose key is this Space or person."""
    return f"rostrum.*.v1.{key}.*"


def passed_over_key(event_id: str) -> str:
    """The key of the event by which another one is passed over: whatever that one's id is made of, one token."""
    return hashlib.sha256(event_id.encode()).hexdigest()[:26]


def command(service: str, name: str, route: str = ANY) -> str:
    """Subject of a command; `route` is a partition number, a node id, or `ANY`."""
    return f"command.{service}.v1.{route}.{name}"


def commands(service: str, route: str) -> str:
    """Every command of a service on one route."""
    return f"command.{service}.v1.{route}.*"


def query(service: str, name: str, route: str = ANY) -> str:
    """Subject of a query; routed like a command."""
    return f"query.{service}.v1.{route}.{name}"


def presence(partition: int | Literal["*"]) -> str:
    """Renewals of session leases, sent by gateway and media to the owner of the Space's partition (core NATS)."""
    return f"presence.v1.{partition}"


def capture(space_id: str, session_id: str) -> str:
    """Captured packets of one speaking session."""
    return f"capture.v1.{space_id}.{session_id}"


def capture_of(space_id: str) -> str:
    """Captured packets of all sessions of one Space."""
    return f"capture.v1.{space_id}.*"


def dead_letter(service: str, consumer: str) -> str:
    """Where a consumer's given-up messages are kept."""
    return f"deadletter.v1.{service}.{consumer}"


def retry(service: str, consumer: str) -> str:
    """Where a consumer takes a dead letter of its own again; it replies whether it was handled (core NATS)."""
    return f"retry.v1.{service}.{consumer}"


def relay_check(context: str) -> str:
    """Where a relay is told to look at the stream now; it replies once everything stored is in it (core NATS)."""
    return f"relay.v1.{context}.check"


def migration(context: str, step: str) -> str:
    """Where a service is told to rewrite what earlier versions stored, step by step (core NATS); see
    `libs.migration`."""
    return f"migration.v1.{context}.{step}"


def node_heartbeat(node_id: str) -> str:
    """A media node's sign of life (core NATS)."""
    return f"node.v1.{node_id}.alive"


def service_status(service: str, instance: str) -> str:
    """Where a process tells whether it is ready: on change and every few seconds (core NATS)."""
    return f"service.v1.{service}.{instance}.status"


def relayed_audio(space_id: str) -> str:
    """Where media nodes that carry a Space tell each other so, and what their speakers say (core NATS). Recording
    listens there where it mixes a Space that is not recorded."""
    return f"rtp.v1.{space_id}"


def wanted_audio(space_id: str) -> str:
    """Where recording tells media nodes that it listens to a Space, and when it does so no more (core NATS)."""
    return f"rtp.v1.{space_id}.wanted"


def live_audio(space_id: str) -> str:
    """Where recording says the parts of a Space's mix as they are made (core NATS); see `contracts.live_audio`."""
    return f"live.v1.{space_id}"


def inbox(service: str) -> str:
    """What the subjects begin with on which a service is answered; no other one may listen there."""
    return f"{INBOXES}{service}"


def partition_of(key: str, partitions: int) -> int:
    """The partition of a Space: FNV-1a 32 of its id modulo the number of partitions (1..65536).

    The same function as the NATS server's `partition(n, token)` subject mapping.
    """
    digest = 0x811C9DC5
    for byte in key.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return digest % partitions

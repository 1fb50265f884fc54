"""The capture stream of one Space."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts import capture, subjects
from libs.bus import Bus, dead_letters
from libs.bus.follow import follow_raw
from libs.bus.received import published
from libs.keyring import Destroyed, Lock, Tampered, lock_name
from libs.keyring.client import Fetch

CONSUMER = "transcription-capture"
"""The name that dead letters of captured messages carry."""
_BATCH = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """One message of the capture stream."""

    sequence: int
    session_id: str
    person_id: str | None
    published_ns: int
    """When the stream took it, ns since the Unix epoch."""
    subject: str
    stored: bytes
    """The body as it stands in the stream, sealed."""
    body: bytes
    bundle: capture.Bundle | None
    """The body, decoded; None where it cannot be: whoever recognises the body says why."""
    headers: Mapping[str, str] = field(default_factory=dict)
    erased: bool = False
    """Its keys are destroyed."""

    @property
    def space_id(self) -> str:
        """The Space in which it was said."""
        return self.subject.split(".")[2]


async def follow_capture(
    bus: Bus, fetch: Fetch, space_id: str, after: int, epoch: str
) -> AsyncIterator[list[CapturedMessage]]:
    """Batches of messages of a Space after sequence `after`, for ever.

    Raises StreamReset for another stream, and what `fetch` raises. May raise Expired.
    """
    async for messages in follow_raw(
        bus, subjects.CAPTURE_STREAM, [subjects.capture_of(space_id)], after, epoch, _BATCH
    ):
        captured = [
            CapturedMessage(
                sequence=message.sequence,
                session_id=message.subject.rpartition(".")[2],
                person_id=message.headers.get(subjects.HEADER_PERSON),
                published_ns=round(message.published_at.timestamp() * 1e9),
                subject=message.subject,
                body=message.data,
                bundle=None,
                headers=message.headers,
                stored=message.data,
            )
            for message in published(messages)
        ]
        yield await opened(fetch, captured)


async def opened(fetch: Fetch, messages: Sequence[CapturedMessage]) -> list[CapturedMessage]:
    """Messages with their bodies opened and decoded. Raises what `fetch` raises. May raise Expired."""
    names = [_lock_of(message) for message in messages]
    locks = await fetch({name for name in names if name is not None})
    return [
        _opened(message, None if name is None else locks[name]) for message, name in zip(messages, names, strict=True)
    ]


def _lock_of(message: CapturedMessage) -> str | None:
    """The lock that a message is sealed under; None where it is not sealed, or does not say whose it is."""
    if subjects.HEADER_UNIT not in message.headers or message.person_id is None:
        return None
    try:
        return lock_name(*capture.seal_of(message.space_id, message.person_id, recorded=True).subjects)
    except ValueError:
        return None


def _opened(message: CapturedMessage, lock: Lock | None) -> CapturedMessage:
    if lock is None:
        return replace(message, bundle=_decoded(message.stored))
    try:
        body = lock.open_bytes(message.headers[subjects.HEADER_UNIT], message.stored)
    except Destroyed:
        return replace(message, erased=True)
    except (Tampered, ValueError) as error:
        _log.error("captured message %d cannot be opened", message.sequence, extra={"why": str(error)})
        return message
    return replace(message, body=body, bundle=_decoded(body))


def _decoded(body: bytes) -> capture.Bundle | None:
    try:
        return capture.decode(body)
    except ValueError:
        return None


async def newest(bus: Bus, space_id: str) -> int:
    """Sequence of the newest captured message of a Space, 0 where there is none (any more)."""
    try:
        return (await bus.js.get_last_msg(subjects.CAPTURE_STREAM, subjects.capture_of(space_id))).seq or 0
    except NotFoundError:
        return 0


async def bury(bus: Bus, message: CapturedMessage, reason: str) -> None:
    """Keep a message that cannot be used, with the reason, where `rostrum dlq retry` finds it."""
    published_at = datetime.fromtimestamp(message.published_ns / 1e9, UTC)
    await dead_letters.bury(
        bus, CONSUMER, subjects.CAPTURE_STREAM, message.sequence, published_at, message.subject,
        message.headers, message.stored, reason,
    )  # fmt: skip


async def from_letter(fetch: Fetch, letter: Msg) -> CapturedMessage:
    """A captured message as it was before it was buried.

    Raises KeyError where the letter says too little, ValueError where its body is still no bundle, and what `fetch`
    raises. May raise Expired.
    """
    headers = letter.headers or {}
    published_at = datetime.fromisoformat(headers[subjects.HEADER_PUBLISHED_AT])
    subject = headers[subjects.HEADER_ORIGIN]
    message = CapturedMessage(
        sequence=int(headers[subjects.HEADER_SEQUENCE]),
        session_id=subject.rpartition(".")[2],
        person_id=headers.get(subjects.HEADER_PERSON),
        published_ns=round(published_at.timestamp() * 1e9),
        subject=subject,
        body=letter.data,
        bundle=None,
        headers=dead_letters.without_letter(headers),
        stored=letter.data,
    )
    (message,) = await opened(fetch, [message])
    if not message.erased:
        capture.decode(message.body)
    return message

"""The capture stream of one Space."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts import capture, subjects
from libs.bus import Bus, dead_letters
from libs.bus.consume import published
from libs.bus.follow import follow_raw

CONSUMER = "transcription-capture"
"""The name that dead letters of captured messages carry."""
_BATCH = 200


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """One message of the capture stream."""

    sequence: int
    session_id: str
    person_id: str | None
    published_ns: int
    """When the stream took it, ns since the Unix epoch."""
    subject: str
    body: bytes
    bundle: capture.Bundle | None
    """The body, decoded; None where it cannot be: whoever recognises the body says why."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def space_id(self) -> str:
        """The Space in which it was said."""
        return self.subject.split(".")[2]


async def follow_capture(bus: Bus, space_id: str, after: int, epoch: str) -> AsyncIterator[list[CapturedMessage]]:
    """Batches of messages of a Space after sequence `after`, for ever. Raises StreamReset for another stream."""
    async for messages in follow_raw(
        bus, subjects.CAPTURE_STREAM, [subjects.capture_of(space_id)], after, epoch, _BATCH
    ):
        yield [
            CapturedMessage(
                sequence=message.sequence,
                session_id=message.subject.rpartition(".")[2],
                person_id=message.headers.get(subjects.HEADER_PERSON),
                published_ns=round(message.published_at.timestamp() * 1e9),
                subject=message.subject,
                body=message.data,
                bundle=_decoded(message.data),
                headers=message.headers,
            )
            for message in published(messages)
        ]


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
        bus.js, bus.service, CONSUMER, subjects.CAPTURE_STREAM, message.sequence, published_at, message.subject,
        message.headers, message.body, reason,
    )  # fmt: skip


def from_letter(letter: Msg) -> CapturedMessage:
    """A captured message as it was before it was buried.

    Raises KeyError where the letter says too little, ValueError where its body is still no bundle.
    """
    headers = letter.headers or {}
    published_at = datetime.fromisoformat(headers[subjects.HEADER_PUBLISHED_AT])
    subject = headers[subjects.HEADER_ORIGIN]
    return CapturedMessage(
        sequence=int(headers[subjects.HEADER_SEQUENCE]),
        session_id=subject.rpartition(".")[2],
        person_id=headers.get(subjects.HEADER_PERSON),
        published_ns=round(published_at.timestamp() * 1e9),
        subject=subject,
        body=letter.data,
        bundle=capture.decode(letter.data),
        headers=dead_letters.without_letter(headers),
    )

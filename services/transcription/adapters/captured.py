"""The capture stream of one Space."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from nats.js.errors import NotFoundError

from contracts import capture, subjects
from libs.bus import Bus
from libs.bus.follow import follow_raw
from libs.telemetry import DEAD_LETTERS

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


async def follow_capture(bus: Bus, space_id: str, after: int, epoch: str) -> AsyncIterator[list[CapturedMessage]]:
    """Batches of messages of a Space after sequence `after`, for ever. Raises StreamReset for another stream."""
    async for messages in follow_raw(
        bus, subjects.CAPTURE_STREAM, [subjects.capture_of(space_id)], after, epoch, _BATCH
    ):
        yield [
            CapturedMessage(
                sequence=message.metadata.sequence.stream,
                session_id=message.subject.rpartition(".")[2],
                person_id=(message.headers or {}).get(subjects.HEADER_PERSON),
                published_ns=round(message.metadata.timestamp.timestamp() * 1e9),
                subject=message.subject,
                body=message.data,
                bundle=_decoded(message.data),
            )
            for message in messages
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
    """Keep a message that cannot be used, with the reason."""
    headers = {
        subjects.HEADER_ORIGIN: message.subject,
        subjects.HEADER_REASON: " ".join(reason.split())[:500],
        "Nats-Msg-Id": f"{CONSUMER}:{message.sequence}",
    }
    subject = subjects.dead_letter(bus.service, CONSUMER)
    await bus.js.publish(subject, message.body, headers=headers, stream=subjects.DEAD_LETTER_STREAM)
    DEAD_LETTERS.labels(CONSUMER).inc()

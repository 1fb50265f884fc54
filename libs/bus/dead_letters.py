"""Dead letters: messages that a consumer gave up on, to be looked at, and handed to that consumer again.

A letter is not published to its stream again: everybody else has had it, and there it would look like news. It goes to
the one consumer that gave it up, which answers whether it could handle it now; only then it is removed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from contracts import subjects
from libs.bus.connection import Connection
from libs.bus.origin import was_published
from libs.telemetry import DEAD_LETTERS

_PREFIX: Final = subjects.dead_letter("", "").removesuffix(".")


@dataclass(frozen=True, slots=True)
class LetterAnswer:
    """What a consumer says of a letter it was handed again."""

    handled: bool
    reason: str | None

    def encode(self) -> bytes:
        return json.dumps({"handled": self.handled, "reason": self.reason}).encode()

    @classmethod
    def decode(cls, data: bytes) -> LetterAnswer:
        fields = json.loads(data)
        return cls(bool(fields["handled"]), fields["reason"])


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that a consumer gave up on."""

    number: int
    """Its sequence in the stream of dead letters."""
    service: str
    consumer: str
    buried_at: datetime
    headers: Mapping[str, str]
    data: bytes

    @property
    def origin(self) -> str:
        """The subject it was first published on."""
        return self.headers.get(subjects.HEADER_ORIGIN, "")

    @property
    def reason(self) -> str:
        """Why it was given up."""
        return self.headers.get(subjects.HEADER_REASON, "")

    @property
    def sequence(self) -> int | None:
        """Its place in the stream it came from."""
        text = self.headers.get(subjects.HEADER_SEQUENCE, "")
        return int(text) if text.isdigit() else None


async def bury(
    bus: Connection,
    consumer: str,
    stream: str,
    sequence: int,
    published_at: datetime,
    subject: str,
    headers: Mapping[str, str],
    data: bytes,
    reason: str,
) -> None:
    """Keep a message of a stream that `consumer` gave up, once, with the reason. Raises when it cannot be stored."""
    kept = without_orders(headers) | {
        subjects.HEADER_ORIGIN: subject,
        subjects.HEADER_REASON: " ".join(reason.split())[:500],
        subjects.HEADER_SEQUENCE: str(sequence),
        subjects.HEADER_PUBLISHED_AT: published_at.isoformat(),
        "Nats-Msg-Id": bus.own_id(f"{consumer}:{stream}:{sequence}"),
    }
    address = subjects.dead_letter(bus.service, consumer)
    await bus.js.publish(address, data, headers=kept, stream=subjects.DEAD_LETTER_STREAM)
    DEAD_LETTERS.labels(consumer).inc()


def without_letter(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers the message had before it became a letter."""
    ours = {
        subjects.HEADER_ORIGIN,
        subjects.HEADER_REASON,
        subjects.HEADER_SEQUENCE,
        subjects.HEADER_PUBLISHED_AT,
    }
    return {name: value for name, value in without_orders(headers).items() if name not in ours}


def without_orders(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that tell NATS what to do with the message (its id, time to live, expected place):
    they were for the stream it came from, and another refuses the message because of them."""
    return {name: value for name, value in headers.items() if not name.lower().startswith("nats-")}


def _letter(message: RawStreamMsg) -> Letter:
    service, _, consumer = (message.subject or "").removeprefix(_PREFIX).lstrip(".").partition(".")
    assert message.seq is not None
    assert message.time is not None
    return Letter(message.seq, service, consumer, message.time, dict(message.headers or {}), message.data or b"")


async def read_letter(js: JetStreamContext, number: int) -> Letter | None:
    """One letter; None where there is none of this number, or nobody wrote it."""
    try:
        message = await js.get_msg(subjects.DEAD_LETTER_STREAM, number)
    except NotFoundError:
        return None
    return _letter(message) if was_published(message.headers) else None


async def read_letters(js: JetStreamContext, consumer: str = "*", *, after: int = 0) -> AsyncIterator[Letter]:
    """All letters above a number, or those of one consumer, the oldest first."""
    number = after
    wanted = subjects.dead_letter("*", consumer)
    while True:
        try:
            message = await js.get_msg(subjects.DEAD_LETTER_STREAM, number + 1, subject=wanted, next=True)
        except NotFoundError:
            return
        letter = _letter(message)
        number = letter.number
        if was_published(message.headers):
            yield letter


async def retry_letter(nc: Client, js: JetStreamContext, letter: Letter, *, timeout: float = 30.0) -> str | None:
    """Hand a letter to the consumer that gave it up, and remove it when it was handled.

    Why not, in one sentence, where it was not; None where it was. `timeout` is in seconds: the consumer finishes what
    it is at first. Handled twice, should the answer be lost, does no harm: consumers are idempotent.
    """
    headers = dict(letter.headers)
    headers.setdefault(subjects.HEADER_PUBLISHED_AT, letter.buried_at.isoformat())
    headers.pop("Nats-Msg-Id", None)
    try:
        reply = await nc.request(
            subjects.retry(letter.service, letter.consumer), letter.data, timeout=timeout, headers=headers
        )
    except nats.errors.NoRespondersError:
        return f"{letter.consumer} takes no letters: {letter.service} does not run, or is not ready"
    except (nats.errors.TimeoutError, TimeoutError):
        return f"{letter.consumer} did not answer within {timeout:.0f} s; it may be busy, the letter stays"
    answer = LetterAnswer.decode(reply.data)
    if not answer.handled:
        return answer.reason
    await js.delete_msg(subjects.DEAD_LETTER_STREAM, letter.number)
    return None

"""Messages of a stream as whoever reads them gets them: contract events, or their bytes."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.envelope import Event, UnknownEventError, decode
from contracts.sealed import Box, LeftOut, sealed_in
from libs.bus.halts import Unreadable
from libs.bus.opening import UNOPENED, MessageWords, Opening, opened
from libs.bus.stored import Stored

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(r"^[\x21-\x7e]{1,200}$")


@dataclass(frozen=True, slots=True)
class Received:
    """One contract event as it stands in the stream."""

    event: Event
    sequence: int
    """Its place in the stream: the order everybody sees."""
    published_at: datetime
    headers: Mapping[str, str]
    deliveries: int = 1
    size: int = 0
    """Bytes of its JSON."""
    boxes: Mapping[str, Box] | None = None
    """Its words as they are sealed, by path, where there are any; whether the reader opens them or not."""

    @property
    def id(self) -> str:
        """The CloudEvents id, unique together with `source`."""
        return self.headers.get("ce-id", "")

    @property
    def source(self) -> str:
        return self.headers.get("ce-source", "")


@dataclass(frozen=True, slots=True)
class Raw:
    """One message of a stream that holds no contract events (captured packets)."""

    subject: str
    data: bytes
    sequence: int
    published_at: datetime
    headers: Mapping[str, str]
    deliveries: int = 1
    """How often it was delivered; 0 for a dead letter that is tried again."""


def received_from(msg: Msg, words: MessageWords = UNOPENED) -> Received:
    """Raises UnknownEventError, pydantic.ValidationError, LeftOut."""
    meta = msg.metadata
    parts = words.parts.get(meta.sequence.stream) or sealed_in(msg.data)
    return Received(
        event=decode(msg.subject, msg.data, parts, words.texts),
        sequence=meta.sequence.stream,
        published_at=meta.timestamp,
        headers=msg.headers or {},
        deliveries=meta.num_delivered,
        size=len(msg.data),
        boxes=None if parts is None else parts.boxes,
    )


def unreadable_from(message: Stored, error: ValidationError, epoch: str | None) -> Unreadable:
    """What is known of a message that breaks its contract."""
    id = message.headers.get("Nats-Msg-Id", "")
    if not _NAME.match(id):
        id = f"{epoch}:{message.sequence}"
    return Unreadable(id, message.subject, message.sequence, what_breaks(error))


def what_breaks(error: ValidationError) -> str:
    """The first thing that is wrong, in words."""
    first = error.errors(include_url=False, include_input=False)[0]
    return " ".join((".".join(map(str, first["loc"])), first["msg"])).strip()


def bodies_of(messages: Sequence[Stored]) -> dict[int, bytes]:
    """What messages hold, by their sequence."""
    return {message.sequence: message.data for message in messages}


def received_one(message: Stored, words: MessageWords) -> Received:
    """Raises UnknownEventError, pydantic.ValidationError, LeftOut."""
    parts = words.parts.get(message.sequence) or sealed_in(message.data)
    event = decode(message.subject, message.data, parts, words.texts)
    return Received(
        event, message.sequence, message.published_at, message.headers, size=len(message.data),
        boxes=None if parts is None else parts.boxes,
    )  # fmt: skip


def published(messages: Sequence[Stored]) -> list[Stored]:
    """Those that somebody published; the others are logged."""
    for message in messages:
        if not message.published:
            _log.error("nobody published message %d on %s", message.sequence, message.subject)
    return [message for message in messages if message.published]


async def received(messages: Sequence[Stored], opening: Opening | None = None) -> list[Received]:
    """What was read of the stream, decoded, its words opened with `opening`. Events of an unknown type are left out,
    and those that are told to nobody any more; so are, and are logged, what nobody published and what breaks its
    contract.

    Raises Unavailable where the words cannot be opened now.
    """
    events: list[Received] = []
    told = published(messages)
    words = await opened(bodies_of(told), opening)
    for message in told:
        try:
            events.append(received_one(message, words))
        except (UnknownEventError, LeftOut):
            continue
        except ValidationError:
            _log.exception("message %d breaks its contract", message.sequence)
    return events

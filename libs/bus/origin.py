"""Telling what somebody published from what NATS itself was made to say.

NATS asks for no permission to publish when it answers a request, so whoever may send it one may have it answer on
anybody's subject, those of streams included (https://docs.nats.io/nats-concepts/security). What it says then, it says
in one of three ways:

- A consumer delivers with an address for the acknowledgement as reply. Where a stream takes that, it is stored under
  the subject that it was first published on, just as it was. So whoever reads by a consumer can have stored again what
  it reads. Facts it cannot, for they carry which message of their context they follow. Moments and captured audio say
  when they were sent: for two minutes the stream knows them by their ids, and what it takes much later than that was
  not published then.
- Direct get (ADR-31 of NATS) replays what is stored, headers included, and adds the place in the stream; asked to
  (`no_hdr`), it sends the body alone.
- Answers in JSON, and acknowledgements, have no headers; errors and ends have a status and headers of NATS's.

So whatever is published here carries at least one header that is not NATS's (`mark` where it would have none), and what
has none, or says where it stood in a stream, was not published where it is heard, or stored.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects

_log = logging.getLogger(__name__)
_DELIVERED: Final = "$JS.ACK."
_SEQUENCE: Final = "Nats-Sequence"
_OF_NATS: Final = ("Nats-", "Status", "Description")
"""What names of its headers begin with; nats-py gives the status of a message as the other two."""
_PLACE: Final = b"\r\nNats-Sequence: "
_SAID: Final = re.compile(rb"\r\n%s: (\d+)\r\n" % subjects.HEADER_SAID.encode())
_TIME: Final = re.compile(rb"\r\nNats-Time-Stamp: ([!-~]+)\r\n")
LATE: Final = 100.0
"""Seconds after it was sent in which a stream has taken a message. Less than `duplicate_window` of the streams, and
longer than NATS may stand still while messages are on the way."""
_BEGIN: Final = b"\r\nNats-Stream: "
"""With which NATS begins what it adds to the headers of a stored message."""
_OURS: Final = re.compile(rb"\r\n(?!Nats-)[!-~]")
"""A header that is not NATS's."""


def mark(service: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Headers by which a message on core NATS is known as published; `headers` are those that it has anyway."""
    return {subjects.HEADER_FROM: service, **(headers or {})}


def said_now() -> dict[str, str]:
    """The header by which a message that a stream keeps for a time says when it was sent: now."""
    return {subjects.HEADER_SAID: str(int(time.time()))}


def was_published(headers: Mapping[str, str] | None, taken: datetime | None = None) -> bool:
    """Whether somebody published what has these headers: on core NATS, or where a stream took it, which was at
    `taken`."""
    if headers is None or _SEQUENCE in headers:
        return False
    if taken is not None and (said := headers.get(subjects.HEADER_SAID)) is not None and _is_late(said, taken):
        return False
    # Looking up our own header is quickest, and this runs for every message.
    return subjects.HEADER_FROM in headers or any(not name.startswith(_OF_NATS) for name in headers)


def was_published_at(headers: bytes) -> bool:
    """The same of headers as they came, to which NATS has added the place of the message in a stream."""
    begin = headers.rfind(_BEGIN)
    if begin <= 0 or _OURS.search(headers, 0, begin) is None or headers.find(_PLACE, 0, begin) >= 0:
        return False
    said = _SAID.search(headers, 0, begin + 2)
    if said is None:
        return True  # a fact, or of an earlier version
    taken = _TIME.search(headers, begin)
    return taken is not None and not _is_late(said[1].decode(), datetime.fromisoformat(taken[1].decode()))


def _is_late(said: str, taken: datetime) -> bool:
    try:
        return taken.timestamp() - int(said) > LATE
    except ValueError:
        return True


def has_place(headers: bytes) -> bool:
    """Whether these headers, as they came, say where a message stands in a stream: then it is no status."""
    return _PLACE in headers


def is_delivery(msg: Msg) -> bool:
    """Whether a JetStream consumer delivered the message."""
    return msg.reply.startswith(_DELIVERED)


def is_said(msg: Msg) -> bool:
    """Whether somebody published a message that came on core NATS. Logs what NATS was made to say."""
    return was_said(msg.subject, msg.reply, msg.headers)


def was_said(subject: str, reply: str, headers: Mapping[str, str] | None) -> bool:
    """The same of the parts of a message. An answer goes to an inbox: elsewhere it would be said in our name."""
    if was_published(headers) and (not reply or reply.startswith(subjects.INBOXES)):
        return True
    _log.error("nobody may have published what came on %s: refused", subject, extra={"reply": reply[:200]})
    return False


class Unguessable:
    """Makes the names on which answers are awaited, in the place of nats-py's own.

    Those are numbered: who was asked twice could guess where the next answers are awaited, and have NATS say something
    there. 22 letters, as nats-py expects, of 128 random bits.
    """

    def next(self) -> bytearray:
        """A name that nobody can guess."""
        return bytearray(secrets.token_urlsafe(16).encode())


def answer_unguessably(nc: Client) -> None:
    """Have a client await answers where nobody can guess."""
    nc._nuid = Unguessable()  # type: ignore[assignment]

"""Telling what somebody published from what NATS itself was made to say.

NATS asks for no permission to publish when it answers a request, so whoever may send it one may have it answer on
anybody's subject, those of streams included (https://docs.nats.io/nats-concepts/security). What it says then, it says
in one of three ways:

- A consumer delivers with an address for the acknowledgement as reply. Where a stream takes that, it is stored under
  the subject that it was first published on. So whoever reads moments by a consumer can have old ones stored again;
  facts it cannot, for they carry which message of their context they follow.
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
from collections.abc import Mapping
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
_BEGIN: Final = b"\r\nNats-Stream: "
"""With which NATS begins what it adds to the headers of a stored message."""
_OURS: Final = re.compile(rb"\r\n(?!Nats-)[!-~]")
"""A header that is not NATS's."""


def mark(service: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Headers by which a message on core NATS is known as published; `headers` are those that it has anyway."""
    return {subjects.HEADER_FROM: service, **(headers or {})}


def was_published(headers: Mapping[str, str] | None) -> bool:
    """Whether somebody published what has these headers: on core NATS, or where a stream took it."""
    if headers is None or _SEQUENCE in headers:
        return False
    # Looking up our own header is quickest, and this runs for every message.
    return subjects.HEADER_FROM in headers or any(not name.startswith(_OF_NATS) for name in headers)


def was_published_at(headers: bytes) -> bool:
    """The same of headers as they came, to which NATS has added the place of the message in a stream."""
    begin = headers.rfind(_BEGIN)
    return begin > 0 and _OURS.search(headers, 0, begin) is not None and headers.find(_PLACE, 0, begin) < 0


def has_place(headers: bytes) -> bool:
    """Whether these headers, as they came, say where a message stands in a stream: then it is no status."""
    return _PLACE in headers


def is_delivery(msg: Msg) -> bool:
    """Whether a JetStream consumer delivered the message."""
    return msg.reply.startswith(_DELIVERED)


def is_said(msg: Msg) -> bool:
    """Whether somebody published a message that came on core NATS. Logs what NATS was made to say."""
    if was_published(msg.headers) and not is_delivery(msg):
        return True
    _log.error("nobody published what came on %s: refused", msg.subject, extra={"reply": msg.reply[:200]})
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

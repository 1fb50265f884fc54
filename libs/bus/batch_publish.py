"""Many messages with headers at once.

nats-py checks and encodes every header of every message by itself, which is a third of what it costs to relay an event:
here they are written together (https://docs.nats.io/reference/reference-protocols/nats-protocol#hpub).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nats.aio.client import Client


def written(subject: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One message as the protocol has it. Raises ValueError for a line break in a header or the subject."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or not subject.isprintable():
        raise ValueError(f"a header of {subject!r} breaks its line")
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    return b"HPUB %s %d %d\r\n%s%s\r\n" % (subject.encode(), len(head), len(head) + len(body), head, body)


async def send(nc: Client, messages: Iterable[bytes]) -> None:
    """Put written messages before whatever is published next; nothing is sent without that."""
    await nc._send_command(b"".join(messages))

"""At which media node a connection is set up that several gateways may be asked for at the same moment.

A client that hears no answer sends its request again, perhaps to another gateway while the first is still at it. Each
would choose a node by itself. So whoever is first writes its choice in the bucket of leases, and the others follow.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from typing import Final

import nats.errors
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from libs.bus import Bus
from libs.bus.origin import mark, was_published

_log = logging.getLogger(__name__)
_STREAM: Final = f"KV_{subjects.LEASES_BUCKET}"
_PREFIX: Final = f"$KV.{subjects.LEASES_BUCKET}.gateway.connection."
_KEPT: Final = 30
"""Seconds; by then the nodes have told everybody of the connection."""
_WITHIN: Final = 1.0
_WRONG_SEQUENCE: Final = 10071
_ATTEMPTS: Final = 5


class NodeClaims:
    """The choices of all gateways."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def settle(self, session_id: str, node_id: str, usable: Container[str]) -> str:
        """The node that the connection `session_id` is set up at: this one, unless a gateway was first with another.

        A choice that is not among the `usable` ones is replaced. While NATS cannot tell, ours counts.
        """
        subject, revision = f"{_PREFIX}{session_id}", 0
        try:
            for _ in range(_ATTEMPTS):
                if await self._write(subject, node_id, revision):
                    break
                chosen, revision = await self._read(subject)
                if chosen in usable:
                    return chosen
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            _log.warning("the node of a connection is not agreed on", extra={"why": str(error)})
        return node_id

    async def _write(self, subject: str, node_id: str, revision: int) -> bool:
        headers = mark(self._bus.service, {"Nats-Expected-Last-Subject-Sequence": str(revision)})
        try:
            await self._bus.js.publish(
                subject, node_id.encode(), timeout=_WITHIN, headers=headers, msg_ttl=_KEPT, stream=_STREAM
            )
        except APIError as error:
            if error.err_code != _WRONG_SEQUENCE:
                raise
            return False
        return True

    async def _read(self, subject: str) -> tuple[str, int]:
        """The node that was written, "" for none any more, and the revision."""
        try:
            last = await self._bus.js.get_last_msg(_STREAM, subject)
        except NotFoundError:
            return "", 0
        written = was_published(last.headers)
        return (last.data or b"").decode() if written else "", last.seq or 0

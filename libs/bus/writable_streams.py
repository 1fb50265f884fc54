"""Which streams take what is written to them.

NATS closes a stream to writers for good when one write of it failed, say because the disk was full: writers wait in
vain, also when there is room again, until that server is started anew.
"""

from __future__ import annotations

import time
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError
from prometheus_client import Gauge

_REFUSES_AFTER: Final = 2.0
"""Seconds of failing without a success after which a stream is said to refuse writes."""
_REMEMBERED: Final = 30.0
"""Seconds after which a failure that was the last says nothing any more."""

REFUSES: Final = Gauge("rostrum_stream_refuses_writes", "Whether a stream takes no writes of this process", ["stream"])


class Writes:
    """What the last writes to each stream have come to."""

    def __init__(self) -> None:
        self._failing: dict[str, tuple[float, float, str]] = {}
        """By stream: since when, when last, and why."""

    def took(self, stream: str) -> None:
        """A stream has taken something."""
        if self._failing.pop(stream, None) is not None:
            REFUSES.labels(stream).set(0)

    def failed(self, stream: str, error: BaseException | str) -> None:
        """A stream has not taken something that it should have."""
        now = time.monotonic()
        since, last, _ = self._failing.get(stream, (now, now, ""))
        if now - last > _REMEMBERED:
            since = now
        self._failing[stream] = (since, now, str(error) or type(error).__name__)
        if now - since >= _REFUSES_AFTER:
            REFUSES.labels(stream).set(1)

    def forget(self) -> None:
        """NATS was started anew, or is another one."""
        for stream in tuple(self._failing):
            self.took(stream)

    def trouble(self) -> str | None:
        """For readiness: which streams refuse writes; None when all is well."""
        now = time.monotonic()
        refusing = [
            f"{stream} has taken no writes for {last - since:.0f} s ({why})"
            for stream, (since, last, why) in sorted(self._failing.items())
            if last - since >= _REFUSES_AFTER and now - last <= _REMEMBERED
        ]
        return "; ".join(refusing) or None


class JetStream(JetStreamContext):
    """nats-py's, which notes what publishing comes to."""

    def __init__(self, nc: Client, writes: Writes, api: str, timeout: float) -> None:
        super().__init__(nc, prefix=api, timeout=timeout)
        self._writes = writes

    async def publish(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float | None = None,
        stream: str | None = None,
        headers: dict[str, Any] | None = None,
        msg_ttl: float | None = None,
    ) -> PubAck:
        """Publish, as nats-py does."""
        try:
            ack = await super().publish(subject, payload, timeout, stream, headers, msg_ttl)
        except APIError as error:
            # Below that the writer is to blame.
            if stream is not None and (error.code or 0) >= 500:
                self._writes.failed(stream, error.description or error)
            raise
        except (nats.errors.TimeoutError, TimeoutError, NoStreamResponseError):
            if stream is not None and self._nc.is_connected:
                self._writes.failed(stream, "no answer")
            raise
        self._writes.took(ack.stream)
        return ack

"""Owning partitions: a lease per partition in a KV bucket, renewed by its holder and taken over when it lapses.

NATS lets a lease lapse and says nothing: only a bucket that takes roll-ups has it say so, and there whoever may write
one key can remove all. So what was not renewed in time is looked at.

Two processes may believe for a moment that they own the same partition; what they decide is fenced by the aggregates'
versions, not by this.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import nats.errors
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError
from pydantic import BaseModel, ValidationError

from contracts import subjects
from libs.aio import end
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.bus import Bus
from libs.bus.follow import follow_raw
from libs.bus.origin import mark, was_published
from libs.bus.stored import Stored
from libs.ids import new_id

_log = logging.getLogger(__name__)

TTL: Final = 3
"""Seconds a lease lives without being renewed; NATS counts whole seconds."""
RENEW: Final = 1.0
_STREAM: Final = f"KV_{subjects.LEASES_BUCKET}"
_WRONG_SEQUENCE: Final = 10071
_LOOK_AGAIN: Final = 0.2
_ATTEMPTS: Final = 5
_FREE: Final = frozenset({"DEL", "PURGE"})

Change = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class _Key:
    """What the bucket holds under one key."""

    revision: int
    instance: str | None
    """None where nobody holds it, "" where it is not known who does."""
    boot: str | None
    written: float
    """When its holder wrote it, in seconds of Unix time by NATS's clock."""


class _Holder(BaseModel):
    """What a process writes into the bucket: its name, and which of its lives this is."""

    instance: str
    boot: str


class Leases:
    """Holds this process's fair share of a service's partitions while the context is open.

    `gained(p)` is awaited when partition `p` is ours, `lost(p)` when it no longer is; they never overlap for one `p`.
    Leaving the context loses and frees all, so that others take over at once. A process that starts again under the
    same `instance` name takes its old partitions back at once.
    """

    def __init__(self, bus: Bus, service: str, instance: str, count: int, gained: Change, lost: Change) -> None:
        self._bus = bus
        self._instance = instance
        self._boot = new_id()
        self._count = count
        self._gained = gained
        self._lost = lost
        self._prefix = f"$KV.{subjects.LEASES_BUCKET}.{service}."
        self._member = f"member.{instance}"
        self._keys: dict[str, _Key] = {}
        self._held: dict[int, float] = {}
        """Partition -> loop time of the last renewal that was confirmed."""
        self._seen = 0
        """Sequence of the newest entry that was seen."""
        self._ahead = -math.inf
        """What NATS's clock shows (Unix time), less the loop's time."""
        self._changed = asyncio.Event()
        self._first = True
        self._tasks: list[asyncio.Task[None]] = []
        self._complete = False

    @property
    def held(self) -> frozenset[int]:
        """The partitions that are ours now."""
        return frozenset(self._held)

    def lack(self) -> str | None:
        """For readiness: None once every partition has a live owner."""
        return None if self._complete else "not every partition has an owner yet"

    async def __aenter__(self) -> Self:
        self._tasks = [
            self._bus.keep("leases seen", self._follow()),
            self._bus.keep("leases kept", self._keep()),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(*self._tasks)
        await asyncio.gather(*(self._lose(partition, free=True) for partition in sorted(self._held)))
        await self._delete(self._member)

    # -- what others hold --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        async def begin(reset: str | None) -> StreamPlace:
            if reset is not None:
                self._keys.clear()
                self._seen = 0
            return StreamPlace(None)

        follow = partial(follow_raw, self._bus, _STREAM, [f"{self._prefix}>"], batch=500)
        async for messages in follow_anew(self._bus, "the keeper of leases", begin, follow):
            for message in messages:
                self._see(message)
            self._changed.set()

    def _see(self, message: Stored) -> None:
        key = message.subject.removeprefix(self._prefix)
        known = self._keys.get(key)
        if known is None or message.sequence >= known.revision:
            at = message.published_at
            self._ahead = max(self._ahead, at.timestamp() - asyncio.get_running_loop().time())
            self._keys[key] = self._read(
                known, message.sequence, at, message.headers, message.data, published=message.published
            )
        self._seen = message.sequence

    def _read(
        self,
        known: _Key | None,
        revision: int,
        at: datetime,
        headers: Mapping[str, str] | None,
        data: bytes | None,
        *,
        published: bool,
    ) -> _Key:
        headers, written = headers or {}, at.timestamp()
        if not published:
            if "Nats-Marker-Reason" not in headers:  # NATS's word in buckets of earlier versions that one lapsed
                _log.error("nobody wrote the lease of revision %d: it stays with whoever had it", revision)
            holds = known or _Key(revision, "", None, written)
            if self._is_over(holds):
                return _Key(revision, None, None, written)
            return _Key(revision, holds.instance, holds.boot, holds.written)
        if not data or headers.get("KV-Operation") in _FREE:
            return _Key(revision, None, None, written)
        try:
            holder = _Holder.model_validate_json(data)
        except ValidationError as error:
            _log.error(
                "the lease of revision %d cannot be read: it counts as free", revision, extra={"why": str(error)}
            )
            return _Key(revision, None, None, written)
        return _Key(revision, holder.instance, holder.boot, written)

    def _is_over(self, key: _Key) -> bool:
        """Whether a lease was not renewed in time."""
        return self._now() > key.written + TTL

    def _now(self) -> float:
        """What NATS's clock shows, as far as it was heard."""
        return asyncio.get_running_loop().time() + self._ahead

    def _not_kept(self) -> list[str]:
        """The keys that somebody holds, but for those that we renew."""
        kept = {self._member, *map(str, self._held)}
        return [name for name, key in self._keys.items() if key.instance is not None and name not in kept]

    async def _look_at_lapsed(self) -> None:
        """Look at the leases that were not renewed in time."""
        lapsed = [name for name in self._not_kept() if self._is_over(self._keys[name])]
        await asyncio.gather(*(self._look(name) for name in lapsed))

    def _next_lapse(self) -> float:
        """The loop's time at which a lease lapses, if nobody renews it."""
        if self._ahead == -math.inf:
            return math.inf
        first = min((self._keys[name].written for name in self._not_kept()), default=math.inf)
        return max(first + TTL - self._ahead, asyncio.get_running_loop().time() + _LOOK_AGAIN)

    # -- what we hold ------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        await self._see_all()
        next_renewal = 0.0
        while True:
            try:
                if loop.time() >= next_renewal:
                    next_renewal = loop.time() + RENEW
                    await self._renew()
                await self._look_at_lapsed()
                await self._balance()
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                _log.warning("leases cannot be kept now", extra={"why": str(error)})
                await self._drop_lapsed()
                await asyncio.sleep(0.1)
                continue
            self._first = False
            try:
                async with asyncio.timeout(max(0.01, min(next_renewal, self._next_lapse()) - loop.time())):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()

    async def _see_all(self) -> None:
        """Wait until what the bucket holds was seen. Asked again each time: what was newest may have lapsed."""
        while True:
            try:
                last = await self._bus.js.get_last_msg(_STREAM, f"{self._prefix}>")
                if self._seen >= (last.seq or 0):
                    return
            except NotFoundError:
                return
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.02)

    async def _renew(self) -> None:
        await self._put(self._member)
        loop = asyncio.get_running_loop()
        partitions = sorted(self._held)
        kept = await asyncio.gather(*(self._put(str(p)) for p in partitions), return_exceptions=True)
        for partition, result in zip(partitions, kept, strict=True):
            if result is True:
                self._held[partition] = loop.time()
        await self._drop_lapsed()
        for result in kept:
            if isinstance(result, BaseException):
                raise result

    async def _drop_lapsed(self) -> None:
        """Stop what we could not renew in time, or what another has taken."""
        now = asyncio.get_running_loop().time()
        for partition, renewed in list(self._held.items()):
            key = self._keys.get(str(partition))
            taken = key is not None and key.boot is not None and key.boot != self._boot
            if taken or now - renewed > TTL - 0.5:
                _log.warning("partition %d is lost%s", partition, " to another process" if taken else "")
                await self._lose(partition, free=False)

    async def _balance(self) -> None:
        await self._drop_lapsed()
        members = {k for k, v in self._keys.items() if k.startswith("member.") and v.instance}
        members.add(self._member)
        share = math.ceil(self._count / len(members))
        for partition in sorted(self._held, reverse=True)[: max(0, len(self._held) - share)]:
            await self._lose(partition, free=True)
        owned = 0
        for partition in range(self._count):
            if partition in self._held:
                owned += 1
                continue
            key = self._keys.get(str(partition))
            if key is not None and key.instance is not None:
                ours_before = self._first and key.instance == self._instance and key.boot != self._boot
                if not ours_before:
                    owned += 1
                    continue
            if len(self._held) < share and await self._put(str(partition)):
                self._held[partition] = asyncio.get_running_loop().time()
                await self._gained(partition)
                owned += 1
        self._complete = owned == self._count

    async def _lose(self, partition: int, *, free: bool) -> None:
        del self._held[partition]
        self._complete = False
        await self._lost(partition)
        if free:
            await self._delete(str(partition))

    # -- the bucket --------------------------------------------------------------------------------------------

    async def _put(self, key: str) -> bool:
        """Write our name under a key, if it stands as we know it; whether we did."""
        value = _Holder(instance=self._instance, boot=self._boot).model_dump_json().encode()
        for _ in range(_ATTEMPTS):
            known = self._keys.get(key)
            expected = {"Nats-Expected-Last-Subject-Sequence": str(known.revision if known else 0)}
            headers = mark(self._bus.service, expected)
            try:
                ack = await self._bus.js.publish(
                    self._prefix + key, value, timeout=1.0, stream=_STREAM, headers=headers, msg_ttl=TTL
                )
            except APIError as error:
                if error.err_code != _WRONG_SEQUENCE:  # somebody else wrote, or it lapsed
                    raise
                await self._look(key)
                if not (self._is_ours(known) and self._is_ours(self._keys.get(key))):
                    return False
                continue  # NATS was made to write over it
            self._keys[key] = _Key(ack.seq, self._instance, self._boot, self._now())
            return True
        return False

    def _is_ours(self, key: _Key | None) -> bool:
        return key is not None and key.boot == self._boot

    async def _look(self, key: str) -> None:
        known = self._keys.get(key)
        try:
            last = await self._bus.js.get_last_msg(_STREAM, self._prefix + key)
        except NotFoundError:
            found = None
        else:
            assert last.time is not None
            published = was_published(last.headers)
            found = self._read(known, last.seq or 0, last.time, last.headers, last.data, published=published)
        if found is None:
            self._keys.pop(key, None)
        else:
            self._keys[key] = found
        if found != known:
            self._changed.set()

    async def _delete(self, key: str) -> None:
        known = self._keys.get(key)
        if known is None or known.boot != self._boot:
            return
        headers = {"KV-Operation": "DEL", "Nats-Expected-Last-Subject-Sequence": str(known.revision)}
        try:
            ack = await self._bus.js.publish(self._prefix + key, b"", timeout=0.5, headers=headers)
            self._keys[key] = _Key(ack.seq, None, None, self._now())
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            _log.info("lease %s is left to lapse", key, extra={"why": str(error)})

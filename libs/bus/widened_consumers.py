"""Durable consumers that read more than in the version before, and what of the past they have to read for that.

NATS gives new filters of a consumer only what follows what it has delivered. To begin anew would hand over everything
again, the old behind the new, so the past of the new filters alone is read by a second consumer (`consumers.before`),
to the place where the first goes on, before that one is read further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo
from nats.js.errors import NotFoundError

from contracts import consumers
from libs.bus.span import matching

_UNTIL: Final = "rostrum-until"
"""In the metadata of the second consumer: the sequence up to which it is read."""
_NOT_KNOWN: Final = 2**63 - 1
"""That sequence while the first consumer is not widened yet: NATS may move it on at any moment until then, past
messages that only the new filters match."""


def filters_of(config: ConsumerConfig) -> set[str]:
    """What a consumer reads; nothing where it reads all."""
    return {*(config.filter_subjects or ()), *((config.filter_subject,) if config.filter_subject else ())}


def added(found: ConsumerConfig, wanted: Sequence[str]) -> list[str]:
    """The filters whose messages a consumer did not read so far."""
    known = filters_of(found)
    if not known:
        return []
    matches = matching(sorted(known))
    return [one for one in wanted if not matches(one)]


async def keep(js: JetStreamContext, stream: str, found: ConsumerInfo, wanted: ConsumerConfig) -> None:
    """Make the second consumer for what `found` is about to read as well. Call `end` after the first is widened.
    Calling it again is harmless. Raises JetStream errors."""
    assert wanted.durable_name is not None
    filters = set(added(found.config, wanted.filter_subjects or ()))
    if not filters:
        return
    name = consumers.before(wanted.durable_name)
    try:
        there = (await js.consumer_info(stream, name)).config
    except NotFoundError:
        pass
    else:
        if not filters_of(there) <= filters:
            filters |= filters_of(there)
        if filters != filters_of(there):
            await js.delete_consumer(stream, name)  # it has passed over what others of its filters have to read
    await _make(js, stream, replace(wanted, durable_name=name, filter_subjects=sorted(filters)), _NOT_KNOWN)


async def _settle(js: JetStreamContext, stream: str, name: str) -> None:
    """Set where the past ends, once a durable consumer is widened. Does nothing where that is set already."""
    try:
        second = await js.consumer_info(stream, consumers.before(name))
    except NotFoundError:
        return
    if _until(second) != _NOT_KNOWN:
        return
    # Its information does not tell where it is: it may have passed messages over that only the new filters match. It
    # goes on behind what it has acknowledged, so what it had delivered besides comes again.
    # NATS (2.15.1) answers no reset under a mapped prefix (`infra.nats.server.api`), which `js` may have.
    first = await JetStreamContext(js._nc).reset_consumer(stream, name)
    await _make(js, stream, second.config, first.reset_seq - 1)


async def _make(js: JetStreamContext, stream: str, config: ConsumerConfig, until: int) -> None:
    await js.add_consumer(stream, replace(config, metadata={_UNTIL: str(until)}))


def _until(second: ConsumerInfo) -> int:
    return int((second.config.metadata or {}).get(_UNTIL, "0"))


async def left(js: JetStreamContext, stream: str, name: str) -> int | None:
    """Up to which sequence a durable consumer has still to read of the past; None where there is nothing. Raises
    JetStream errors."""
    try:
        info = await js.consumer_info(stream, consumers.before(name))
    except NotFoundError:
        return None
    until = _until(info)
    if info.num_ack_pending:
        return until
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    for one in filters_of(info.config):
        try:
            following = await js.get_msg(stream, floor + 1, subject=one, next=True)
        except NotFoundError:
            continue
        if (following.seq or 0) <= until:
            return until
    return None


async def end(js: JetStreamContext, stream: str, name: str) -> None:
    """Set where the past ends, and remove the second consumer once it is read. Does nothing where there is none.
    Raises JetStream errors."""
    try:
        await js.consumer_info(stream, consumers.before(name))
    except NotFoundError:
        return
    await _settle(js, stream, name)  # whoever widened it may have been stopped before
    if await left(js, stream, name) is None:
        await js.delete_consumer(stream, consumers.before(name))

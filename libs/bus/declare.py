"""The streams, buckets and durable consumers, declared in this one place by whoever comes first and may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Sequence
from dataclasses import fields
from typing import Final

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, RePublish, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from contracts import consumers, subjects
from libs.bus import widened_consumers

_log = logging.getLogger(__name__)
_DAY: Final = 86_400.0
_FIXED: Final = frozenset({"name", "num_replicas", "storage"})
"""What is never changed: a name, what the operator may have set, and what NATS cannot change."""
_SAID_AGAIN: Final = RePublish(src=">", dest=subjects.REPUBLISHED)
"""Of streams that are followed. Without the word `headers_only`, which NATS leaves out too where it is false."""
ACK_WAIT: Final = 30.0
_NO_PERMISSION_SECONDS: Final = 2.0
"""How long NATS is waited for where it may not answer: whoever lacks a permission is told nothing."""
_NAME_IN_USE: Final = 10058  # JetStream's err_code for "stream name already in use with a different configuration"


def _bucket(name: str, description: str) -> StreamConfig:
    """A KV bucket whose keys may carry a TTL (ADR-8, ADR-48 of NATS).

    Without roll-ups: whoever may write one key could remove all others with one. So NATS cannot write a marker in the
    place of a key that has expired.
    """
    return StreamConfig(
        name=f"KV_{name}",
        description=description,
        subjects=[f"$KV.{name}.>"],
        storage=StorageType.FILE,
        max_msgs_per_subject=1,
        allow_rollup_hdrs=False,
        allow_direct=True,
        allow_msg_ttl=True,
        deny_delete=True,
        discard=DiscardPolicy.NEW,
        duplicate_window=120.0,  # what NATS makes of none
        subject_delete_marker_ttl=0.0,
    )


def streams(*, replicas: int = 1) -> tuple[StreamConfig, ...]:
    """Every stream, with `replicas` copies (3 on a cluster)."""
    configs = (
        StreamConfig(
            name=subjects.EVENTS_STREAM,
            description="Contract events of all services; rebuilt from their stores when it is lost",
            subjects=[subjects.EVENTS_SUBJECTS],
            storage=StorageType.FILE,
            allow_direct=True,
            allow_atomic=True,
            allow_msg_ttl=True,
            duplicate_window=120.0,
            republish=_SAID_AGAIN,
        ),
        StreamConfig(
            name=subjects.CAPTURE_STREAM,
            description="Opus packets of speakers",
            subjects=[subjects.CAPTURE_SUBJECTS],
            storage=StorageType.FILE,
            allow_direct=True,
            max_age=3 * _DAY,
            duplicate_window=120.0,
            republish=_SAID_AGAIN,
        ),
        StreamConfig(
            name=subjects.DEAD_LETTER_STREAM,
            description="Messages a consumer gave up on",
            subjects=[subjects.DEAD_LETTER_SUBJECTS],
            storage=StorageType.FILE,
            allow_direct=True,
            max_age=30 * _DAY,
            duplicate_window=120.0,
        ),
        _bucket(subjects.LEASES_BUCKET, "Who owns which partition").evolve(republish=_SAID_AGAIN),
        _bucket(subjects.NODES_BUCKET, "Live media nodes"),
    )
    return tuple(config.evolve(num_replicas=replicas) for config in configs)


async def declare(js: JetStreamContext, *, replicas: int = 1, deadline: float = 10.0) -> dict[str, frozenset[str]]:
    """Make every stream exist as declared, and change those that an older version made.

    Returns by stream the settings that are as an older version made them because we may not change them. Copies of a
    stream that exists stay as many as the operator has made. Safe to call at any time, and by nine processes at once.
    Raises the last JetStream error when it did not succeed within `deadline` seconds.
    """
    older: dict[str, frozenset[str]] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    for config in streams(replicas=replicas):
        pause = 0.05
        while True:
            try:
                if differs := await _ensure(js, config):
                    older[str(config.name)] = differs
                break
            except (APIError, TimeoutError) as error:
                # JetStream is still starting, or somebody else declares the same stream right now.
                if loop.time() + pause > end:
                    raise
                _log.info("stream %s is not declared yet, trying again", config.name, extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
    return older


async def _ensure(js: JetStreamContext, config: StreamConfig) -> frozenset[str]:
    """Make the stream as declared; the settings that are not because we may not change it."""
    assert config.name is not None
    try:
        found = (await js.stream_info(config.name)).config
    except NotFoundError:
        try:
            await js.add_stream(config)
        except BadRequestError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            # Somebody else was first; theirs is as good as ours.
        return frozenset()
    wanted = {f.name: value for f in fields(config) if (value := getattr(config, f.name)) is not None}
    changed = {
        name: value
        for name, value in wanted.items()
        if name not in _FIXED and (getattr(found, name) or None) != (value or None)  # NATS leaves out what is not set
    }
    if not changed:
        return frozenset()
    try:
        await js.update_stream(found.evolve(**changed))
    except (TimeoutError, nats.errors.TimeoutError):
        # NATS does not answer who lacks the permission.
        _log.warning(
            "stream %s is as an older version made it, and this user may not change it; "
            "start the launcher, or run `rostrum streams` with the operator's credentials",
            config.name, extra={"differs": sorted(changed)},
        )  # fmt: skip
        return frozenset(changed)
    if config.name == subjects.EVENTS_STREAM and "allow_msg_ttl" in changed:
        # Earlier versions kept every partial caption.
        await js.purge_stream(config.name, subject=subjects.events_of("captions"))
    _log.info("stream %s is as this version declares it now", config.name, extra={"changed": sorted(changed)})
    return frozenset()


def consumer_config(
    name: str, filters: Sequence[str], *, unacknowledged: int = 1000, from_now: bool = False
) -> ConsumerConfig:
    """A durable pull consumer, as every one of ours is."""
    return ConsumerConfig(
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_deliver=-1,
        max_ack_pending=unacknowledged,
        filter_subjects=list(filters),
        deliver_policy=DeliverPolicy.NEW if from_now else DeliverPolicy.ALL,
    )


async def declare_consumers(js: JetStreamContext, services: Container[str]) -> None:
    """Make the durable consumers of these services exist as `contracts.consumers` has them. Raises JetStream errors."""
    for one in consumers.DURABLE:
        if one.service in services:
            config = consumer_config(one.name, one.filters, unacknowledged=one.unacknowledged)
            await ensure_consumer(js, one.stream, config)
            await widened_consumers.end(js, one.stream, one.name)


async def ensure_consumer(js: JetStreamContext, stream: str, config: ConsumerConfig) -> None:
    """Make a durable consumer exist, where it does not yet or reads something else, and we may. Of what it did not read
    so far, `widened_consumers` keeps the past for it.

    Raises JetStream errors, and TimeoutError where it does not exist and we may not make it.
    """
    assert config.durable_name is not None
    try:
        info = await js.consumer_info(stream, config.durable_name)
    except NotFoundError:
        await js.add_consumer(stream, config, timeout=_NO_PERMISSION_SECONDS)
        return
    found, reads = info.config, widened_consumers.filters_of(info.config)
    if reads == set(config.filter_subjects or ()) and (found.max_ack_pending or 0) >= (config.max_ack_pending or 0):
        return
    try:
        if config.deliver_policy is DeliverPolicy.ALL:
            await widened_consumers.keep(js, stream, info, config)  # first: what is interrupted here is done again
        await js.add_consumer(stream, config, timeout=_NO_PERMISSION_SECONDS)
        if config.deliver_policy is DeliverPolicy.ALL:
            await widened_consumers.end(js, stream, config.durable_name)
    except (TimeoutError, nats.errors.TimeoutError):
        _log.warning(
            "consumer %s is as an older version made it, and this user may not change it; start the launcher, or run "
            "`rostrum streams` with the operator's credentials",
            config.durable_name,
        )

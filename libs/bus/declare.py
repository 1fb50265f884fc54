"""The streams and buckets, declared in this one place by whoever comes first."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from contracts import subjects

_log = logging.getLogger(__name__)
_DAY: Final = 86_400.0
_NAME_IN_USE: Final = 10058  # JetStream's err_code for "stream name already in use with a different configuration"


def _bucket(name: str, description: str) -> StreamConfig:
    """A KV bucket whose keys may carry a TTL; an expired key reaches watchers as a marker (ADR-8, ADR-48 of NATS)."""
    return StreamConfig(
        name=f"KV_{name}",
        description=description,
        subjects=[f"$KV.{name}.>"],
        storage=StorageType.FILE,
        max_msgs_per_subject=1,
        allow_rollup_hdrs=True,
        allow_direct=True,
        allow_msg_ttl=True,
        deny_delete=True,
        discard=DiscardPolicy.NEW,
        subject_delete_marker_ttl=60.0,
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
            duplicate_window=120.0,
        ),
        StreamConfig(
            name=subjects.CAPTURE_STREAM,
            description="Opus packets of speakers",
            subjects=[subjects.CAPTURE_SUBJECTS],
            storage=StorageType.FILE,
            allow_direct=True,
            max_age=3 * _DAY,
            duplicate_window=120.0,
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
        _bucket(subjects.LEASES_BUCKET, "Who owns which partition"),
        _bucket(subjects.NODES_BUCKET, "Live media nodes"),
    )
    return tuple(config.evolve(num_replicas=replicas) for config in configs)


async def declare(js: JetStreamContext, *, replicas: int = 1, deadline: float = 10.0) -> None:
    """Make every stream exist as declared. Safe to call at any time, and by nine processes at once.

    Raises the last JetStream error when it did not succeed within `deadline` seconds.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    for config in streams(replicas=replicas):
        pause = 0.05
        while True:
            try:
                await _ensure(js, config)
                break
            except (APIError, TimeoutError) as error:
                # JetStream is still starting, or somebody else declares the same stream right now.
                if loop.time() + pause > end:
                    raise
                _log.info("stream %s is not declared yet, trying again", config.name, extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    try:
        await js.stream_info(config.name)
        return
    except NotFoundError:
        pass
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        # Somebody else was first; theirs is as good as ours.

"""Hearing messages where they are parsed.

nats-py gives every message an object, a queue and a turn of a task. That is most of what a message costs which only
says that there is something to read, or which is one of a page that was asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Final, cast

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

Tap = Callable[[bytes, bytes | None, bytes, bytes | None], None]
"""Gets subject, reply address, body and the headers as they came; must neither wait nor raise."""

_TAPS: Final = "_rostrum_taps"


async def tap(nc: Client, subject: str, hear: Tap, *, queue: str = "") -> Subscription:
    """Call `hear` with every message on a subject, from now on and after every reconnection, until the subscription
    that is returned ends (`close`, `drain`)."""
    taps = _taps_of(nc)
    number = nc._sid + 1  # the one that the subscription gets; nothing gives way in between
    taps[number] = hear
    try:
        return await nc.subscribe(subject, queue=queue, cb=_never)
    except BaseException:
        del taps[number]
        raise


async def close(nc: Client, subscription: Subscription) -> None:
    """End a tap."""
    try:
        if not nc.is_closed:
            await subscription.unsubscribe()
    finally:
        # Only now: what still came would have gone the ordinary way.
        _taps_of(nc).pop(subscription._id, None)


async def drain(nc: Client, subscription: Subscription) -> None:
    """End a tap, once it has heard all that was sent to it until now. Raises what the client raises."""
    try:
        await subscription.drain()  # type: ignore[no-untyped-call]
    finally:
        _taps_of(nc).pop(subscription._id, None)


class _Heard:
    """Something to await that is over already: the parser awaits a result, and a coroutine would cost more than the
    tap."""

    def __await__(self) -> Generator[None, None, None]:
        return cast(Generator[None, None, None], iter(()))


_heard: Final = _Heard()


async def _never(msg: Msg) -> None:
    raise AssertionError(f"a tap let {msg.subject} through")


def _taps_of(nc: Client) -> dict[int, Tap]:
    taps: dict[int, Tap] | None = getattr(nc, _TAPS, None)
    if taps is not None:
        return taps
    taps = {}
    ordinary = nc._process_msg

    def process(sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> Awaitable[None]:
        hear = taps.get(sid)
        if hear is None:
            return ordinary(sid, subject, reply, data, headers)
        hear(subject, reply, data, headers)
        return _heard

    setattr(nc, _TAPS, taps)
    nc._process_msg = process  # type: ignore[method-assign, assignment]
    return taps

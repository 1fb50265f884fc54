"""Connecting to NATS once, for a command that a person waits for."""

from __future__ import annotations

import asyncio
from typing import Final

import nats.errors
from nats.aio.client import Client

WITHIN: Final = 3


async def connect_once(url: str, user: str | None = None, password: str | None = None) -> Client:
    """A connection that is not made again when it breaks. Raises OSError, which says why there is none.

    nats-py by itself tries a server that is away 60 times, two seconds apart, also where it may not reconnect.
    """
    client = Client()
    reasons: list[Exception] = []

    async def note(error: Exception) -> None:
        reasons.append(error)

    try:
        async with asyncio.timeout(WITHIN):
            await client.connect(
                url,
                user=user,
                password=password if user else None,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=WITHIN,
                error_cb=note,
            )
    except (OSError, nats.errors.Error) as error:
        await client.close()
        why = next((str(reason) for reason in [*reasons[-1:], error] if str(reason)), f"no answer within {WITHIN} s")
        raise OSError(why) from error
    return client

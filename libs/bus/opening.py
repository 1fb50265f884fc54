"""Reading events whose words are sealed: all keys of a batch are fetched before it is decoded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple, Protocol

from pydantic import ValidationError

from contracts.sealed import Box, SealedBody, Texts, sealed_in
from libs.bus.errors import Unavailable

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.1
_LONGEST: Final = 2.0
"""Seconds until keys are asked for again."""


class Opening(Protocol):
    """What a reader opens words with: `libs.keyring.opening`."""

    trouble: str | None
    """Why a reader waits for keys; None where none does."""

    async def texts(self, boxes: Collection[Box], /) -> Texts:
        """What is in these boxes. Raises Unavailable where the keys cannot be had now.

        Nothing else runs between the look at the keys and the return: whoever keeps what it found can drop it when it
        is told to.
        """


class MessageWords(NamedTuple):
    """What is sealed in messages."""

    parts: Mapping[int, SealedBody]
    """By sequence, those that hold sealed words."""
    texts: Texts | None
    """What they say, where somebody opened them."""


UNOPENED: Final = MessageWords({}, None)


async def opened(bodies: Mapping[int, bytes], opening: Opening | None) -> MessageWords:
    """What is sealed in messages, given by sequence, opened; nothing where `opening` is None. Raises Unavailable."""
    if opening is None:
        return UNOPENED
    sealed: dict[int, SealedBody] = {}
    for sequence, body in bodies.items():
        try:
            if (found := sealed_in(body)) is not None:
                sealed[sequence] = found
        except ValidationError:
            continue  # told when it is decoded
    if not sealed:
        return UNOPENED
    texts = await opening.texts({box for body in sealed.values() for box in body.boxes.values()})
    return MessageWords(sealed, texts)


async def opened_at_last(
    bodies: Mapping[int, bytes], opening: Opening | None, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> MessageWords:
    """The same, for however long the keys cannot be had: an event that was taken in without its words would stay so."""
    pause = _PAUSE
    while True:
        try:
            found = await opened(bodies, opening)
        except Unavailable as error:
            assert opening is not None
            if opening.trouble is None:
                _log.warning("words cannot be opened, trying again", extra={"why": str(error)})
            opening.trouble = f"waiting for keys: {error}"
            await wait(pause)
            pause = min(2 * pause, _LONGEST)
        else:
            if opening is not None:
                opening.trouble = None
            return found

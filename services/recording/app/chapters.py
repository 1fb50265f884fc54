"""Chapters of replays: what the host sets, sealed, and what is proposed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from urllib.parse import urlsplit

import msgspec

from contracts import object_names
from contracts.room import v1 as room
from libs.commands import Executor
from libs.eventstore import Fact, Order, Store
from libs.refusal import Refusal
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.chapters import Chapter, proposed
from services.recording.domain.recording import Recording

FetchSpace = Callable[[str], Awaitable[room.Space]]
_LONGEST = 100
"""Letters of a title."""


class ChaptersOfReplays:
    """The host's words are sealed under keys of the host and of the Space; people are kept by their ids alone.

    Every method may raise Unavailable and Expired where keys cannot be had.
    """

    def __init__(
        self, store: Store[Recording], executor: Executor[Recording], audio_keys: AudioKeys, snapshot: FetchSpace
    ) -> None:
        """`snapshot` asks room for a Space; it raises Refusal and Unavailable."""
        self._store = store
        self._executor = executor
        self._audio_keys = audio_keys
        self._snapshot = snapshot

    async def set(self, order: Order, space_id: str, chapters: Sequence[Chapter]) -> int:
        """The host sets them; the recording's version then. Refuses as `Recording.may_set_chapters` does, and
        unavailable where the host sets others at the same time."""
        before = await self._store.read(space_id, copy)
        before.may_set_chapters(order.actor, chapters)
        number = before.chapters.number + 1
        text = msgspec.json.encode(list(chapters)).decode()
        sealed = await self._audio_keys.seal_chapters(space_id, before.host, number, text) if chapters else ""

        def decide(recording: Recording) -> list[Fact]:
            recording.may_set_chapters(order.actor, chapters)
            if (recording.host, recording.chapters.number) != (before.host, number - 1):
                raise Refusal("unavailable", "Other chapters were set in this moment; try again.", retry=True)
            name = object_names.chapters(space_id, before.host, number)
            return recording.set_chapters(number, sealed, len(chapters), name)

        return (await self._executor.execute(order, space_id, decide)).version

    async def of(self, recording: Recording) -> list[Chapter]:
        """The chapters that the host set; none where they were erased with the host."""
        if not recording.chapters.count:
            return []
        text = await self._audio_keys.open_chapters(recording)
        return [] if text is None else msgspec.json.decode(text, type=list[Chapter])

    async def proposed(self, recording: Recording, actor: str | None) -> list[Chapter]:
        """What the host could set. Refuses as `Recording.may_look` does, and: not_host."""
        replay = recording.may_look()
        recording.must_be_host(actor)
        pinned = []
        for pin in (await self._snapshot(recording.space_id)).pins:
            title = " ".join(pin.text.split())[:_LONGEST].strip() or urlsplit(pin.url).hostname or ""
            pinned.append(Chapter((pin.pinned_at - replay.began_at).total_seconds(), title, None, pin.url))
        return proposed(replay.leads, pinned, replay.seconds)

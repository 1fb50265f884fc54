"""What listening and hosts write of transcripts, and what is read of them."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Order, Store
from libs.ids import new_id
from libs.keyring import Expired
from libs.refusal import Refusal
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.domain.facts import Captioned, lock_of
from services.transcription.domain.transcript import (
    CapturePosition,
    Correction,
    Detected,
    Transcript,
    Wording,
    tidy,
)

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.5
"""Seconds until keys are asked for again."""


class AlreadyErased(Exception):
    """Who said it, or the Space, was erased."""


class Transcripts:
    """The transcripts in an event store, each of which grows while its Space is listened to. Their words are sealed."""

    def __init__(self, store: Store[Transcript], executor: Executor[Transcript], sealer: CaptionSealer) -> None:
        self._store = store
        self._executor = executor
        self._sealer = sealer

    async def open(self, space_id: str, lang: str, started_at: datetime) -> bool:
        """Begin a transcript; whether there is still something to add to it."""
        await self._executor.by_itself(space_id, lambda t, _: t.open(lang, started_at), cause="open")
        return not await self._store.read(space_id, lambda t: t.completed)

    async def position(self, space_id: str) -> CapturePosition:
        """Where to continue in the captured audio."""
        return await self._store.read(
            space_id,
            lambda t: CapturePosition(t.position.epoch, t.position.resume, dict(t.position.sessions)),
        )

    async def detected(self, space_id: str) -> dict[str, Detected]:
        """What language each person was found to speak."""
        return await self._store.read(space_id, lambda t: dict(t.detected))

    async def caption(self, space_id: str, caption: Captioned) -> bool:
        """Store a final caption, whose words are plain; whether it is new. It is on disk when this returns.

        Waits while there are no keys to be had. Raises AlreadyErased.
        """
        sealed = await self._sealed(space_id, caption)
        cause = f"caption {caption.caption_id}"
        return bool(await self._executor.by_itself(space_id, lambda t, _: t.caption(sealed), cause=cause))

    async def _sealed(self, space_id: str, caption: Captioned) -> Captioned:
        waits = False
        while True:
            try:
                await self._sealer.fetch([lock_of(space_id, caption.person_id)])
                sealed = self._sealer.seal(space_id, caption)
            except (Unavailable, Refusal, Expired) as error:
                if not waits:
                    _log.warning("captions of Space %s wait for keys", space_id, extra={"why": str(error)})
                waits = True
                await asyncio.sleep(_PAUSE)
                continue
            if sealed is None:
                raise AlreadyErased
            return sealed

    async def correct(self, order: Order, space_id: str, caption_id: str, text: str, *, by: str) -> int:
        """Put the host's words in place of what was heard, or what was heard in place of the host's; the transcript's
        version. Refuses: invalid, unavailable, and as `Transcript.correct` does. Raises Unavailable."""
        text = tidy(text)
        found = await self._store.read(
            space_id, lambda t: (t.correctable(caption_id, by), t.corrections.get(caption_id))
        )
        wording = None
        # Not for who is refused anyway: that would leave a key behind.
        if found[0] is not None:
            wording = await self._word(space_id, found[0], found[1], text, by)
        done = await self._executor.execute(order, space_id, lambda t: t.correct(caption_id, wording, actor=by))
        return done.version

    async def _word(self, space_id: str, caption: Captioned, shown: Correction | None, text: str, by: str) -> Wording:
        people = (caption.person_id, by, by if shown is None else shown.by)
        await self._sealer.fetch({lock_of(space_id, person_id) for person_id in people})
        try:
            wording = self._sealer.word(space_id, caption, shown, text, id=new_id(), by=by)
        except Expired as error:
            raise Refusal("unavailable", "This cannot be done for a moment; try again.", retry=True) from error
        if wording is None:
            raise Refusal("caption_unknown", "There is no such caption.")
        return wording

    async def complete(self, space_id: str) -> None:
        """Nothing more will come."""
        await self._executor.by_itself(space_id, lambda t, _: t.complete(), cause="complete")

    async def read(self, space_id: str, at: int | None = None) -> Transcript:
        """A transcript as it is at this moment; of version 0 where there is none.

        With `at` as it was at that version, but for what is deleted by now.
        """
        now = await self._store.read(space_id, Transcript.copied)
        if at is None or at >= now.version or now.deleted:
            return now
        return (await self._store.load(space_id, at=at)).without(now.removed)

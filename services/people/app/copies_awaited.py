"""Keeps keys from being destroyed while something that was reported is still to be copied out of what they seal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from contracts import capture, object_names
from contracts.recording import v1 as recording
from libs.bus import Unavailable
from libs.eventstore import Store
from libs.keyring import ErasureTarget, subjects_of
from libs.refusal import Refusal
from services.people.domain.entities import Entity
from services.people.projection.moderation import AwaitedCopy, Moderation

_log = logging.getLogger(__name__)
_COPIED_WITHIN: Final = timedelta(days=1)
"""After that recording gives up too."""
_MOST: Final = 100
"""Reports that are asked about at once."""
_SAID_AFTER: Final = 30.0
"""Seconds after which operators are told: the sound of what has just been reported takes some seconds."""
_PERSON: Final = "person:"
_SPACE: Final = "space:"
_SPEECH: Final = (capture.UNRECORDED, object_names.SPOOL, object_names.TRACK)

Ask = Callable[[recording.ReportedSoundsQuery], Awaitable[recording.ReportedSounds]]


class CopiesAwaited:
    """Keeps keys that the copy of a report needs until that copy is made.

    If a service that makes copies stays away, the keys are destroyed after `patience` seconds and the copy is lost.
    """

    def __init__(
        self,
        store: Store[Entity],
        moderation: Moderation,
        ask: Ask,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        patience: float,
    ) -> None:
        """`ask` raises Refusal and Unavailable. `clock` never goes back."""
        self._store = store
        self._moderation = moderation
        self._ask = ask
        self._now = now
        self._clock = clock
        self._patience = patience
        self._done: set[AwaitedCopy] = set()
        """What need not be waited for any more, of the last day."""
        self._waiting: dict[frozenset[ErasureTarget], tuple[float, str]] = {}
        """By what is to be destroyed: since when it waits, and why."""

    def trouble(self) -> str | None:
        """Why keys are not destroyed yet, for a readiness check."""
        now = self._clock()
        late = [why for since, why in self._waiting.values() if now >= since + _SAID_AFTER]
        return late[0] if late else None

    async def must_have(self, targets: Sequence[ErasureTarget]) -> None:
        """Refuses while copies are awaited that need these keys: unavailable."""
        spaces = [_space_of(target) for target in targets if _seals_speech(target)]
        if not spaces:
            return
        await self._moderation.catch_up(self._store)
        recent = self._moderation.awaited_copies(self._now() - _COPIED_WITHIN, _MOST)
        self._done &= set(recent)
        owed = {one for one in recent if one not in self._done and (None in spaces or one.space in (None, *spaces))}
        why = await self._lacking(owed) if owed else None
        key = frozenset(targets)
        if why is None:
            self._waiting.pop(key, None)
            return
        now = self._clock()
        self._waiting = {one: told for one, told in self._waiting.items() if now < told[0] + 2 * self._patience}
        since, _ = self._waiting.setdefault(key, (now, why))
        if now < since + self._patience:
            self._waiting[key] = (since, why)
            raise Refusal("unavailable", why, retry=True)
        del self._waiting[key]
        self._done |= owed
        _log.error("keys are destroyed though what was reported is not copied", extra={"why": why})

    async def _lacking(self, owed: set[AwaitedCopy]) -> str | None:
        """Why some of these copies are not made yet; None where all are."""
        words = sorted(one.report for one in owed if one.words)
        reports = sorted({one.report for one in owed if not one.words})
        try:
            found = await asyncio.gather(*map(self._settled, reports))
        except (Refusal, Unavailable) as error:
            return f"keys are kept until the sound of report {reports[0]} is copied: {error}"
        settled = {(report, piece) for report, pieces in zip(reports, found, strict=True) for piece in pieces}
        self._done |= {one for one in owed if not one.words and (one.report, one.piece) in settled}
        sounds = sorted(one.report for one in owed - self._done if not one.words)
        if sounds:
            return f"keys are kept until the sound of report {sounds[0]} is copied"
        return f"keys are kept until the words of report {words[0]} are copied" if words else None

    async def _settled(self, report: str) -> set[int]:
        """The pieces of a report whose sound is kept, or known not to be there."""
        answer = await self._ask(recording.ReportedSoundsQuery(operator=True, report_id=report))
        return {one.piece for one in answer.sounds if one.state is not recording.SoundState.AWAITED}


def _seals_speech(target: ErasureTarget) -> bool:
    if target.unit:
        return any(f"{unit}/".startswith(f"{target.unit}/") for unit in _SPEECH)
    return any(subject.startswith((_PERSON, _SPACE)) for subject in subjects_of(target.what))


def _space_of(target: ErasureTarget) -> str | None:
    """The Space whose speech it is; None: any, of one person."""
    found = (subject for subject in subjects_of(target.what) if subject.startswith(_SPACE))
    return next((subject.removeprefix(_SPACE) for subject in found), None)

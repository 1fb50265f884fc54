"""What transcription holds of a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Final

from pydantic import JsonValue

from contracts.personal_data import HeldRecord
from libs.bus import Unavailable
from libs.eventstore import Notification, Store
from libs.keyring import Expired
from libs.personal_data import Concerned, Found, Held
from libs.refusal import Refusal
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.app.transcripts import Transcripts
from services.transcription.domain.facts import CaptionCorrected, Captioned, lock_of
from services.transcription.domain.transcript import Correction, Transcript

_ATTEMPTS: Final = 3


def people_of(notification: Notification) -> tuple[str, ...]:
    """Whose words a fact has."""
    match notification.fact:
        case Captioned(person_id=person_id):
            return (person_id,)
        case CaptionCorrected(by=by):
            return (by,)
        case _:
            return ()


def held(store: Store[Transcript], transcripts: Transcripts, concerned: Concerned, sealer: CaptionSealer) -> Held:
    """What they were heard to say, with what hosts put in its place; and their own words for what others said."""

    async def captions(person: str, after: str) -> AsyncIterator[Found]:
        await concerned.catch_up(store)
        begin, _, seen = after.partition("@")
        for space_id in concerned.of(person, begin):
            found = await transcripts.read(space_id)
            if not found.shown:
                yield Found(f"{space_id}@~", ())
                continue
            for caption in found.spoken():
                correction = found.corrections.get(caption.caption_id)
                theirs = caption.person_id == person or (correction is not None and correction.by == person)
                place = f"{caption.start_at.isoformat()} {caption.caption_id}"
                if theirs and (space_id != begin or place > seen):
                    record = await _opened(found, caption, correction, person, sealer)
                    yield Found(f"{space_id}@{place}", record)

    return Held(captions)


async def _opened(
    transcript: Transcript, caption: Captioned, correction: Correction | None, person: str, sealer: CaptionSealer
) -> tuple[HeldRecord, ...]:
    """What it says; none where it was erased. Refuses: unavailable."""
    people: Collection[str] = {caption.person_id} | ({correction.by} if correction is not None else set())
    for _ in range(_ATTEMPTS):
        try:
            await sealer.fetch({lock_of(transcript.id, id) for id in people})
            return _record(transcript, caption, correction, person, sealer)
        except Expired:
            await asyncio.sleep(0)  # something under one of these locks was destroyed meanwhile
        except Unavailable:
            break
    raise Refusal("unavailable", "What was said cannot be read for a moment; try again.", retry=True)


def _record(
    transcript: Transcript, caption: Captioned, correction: Correction | None, person: str, sealer: CaptionSealer
) -> tuple[HeldRecord, ...]:
    fields: dict[str, JsonValue] = {
        "space_id": transcript.id,
        "caption_id": caption.caption_id,
        "speaker": caption.person_id,
        "lang": caption.lang,
        "start_at": caption.start_at.isoformat(),
        "end_at": caption.end_at.isoformat(),
    }
    if caption.person_id == person:
        fields["heard"] = sealer.heard(transcript.id, caption)
    if correction is not None:
        fields["corrected"] = sealer.correction(transcript.id, caption.caption_id, caption.person_id, correction)
        fields["corrected_by"] = correction.by
    if not fields.get("heard") and not fields.get("corrected"):
        return ()
    return (HeldRecord(subject="captions", at=caption.start_at, fields=fields),)

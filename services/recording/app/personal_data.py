"""What recording holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from copy import copy

from contracts.personal_data import HeldFile, HeldRecord
from libs.eventstore import Notification, Store
from libs.personal_data import Concerned, Found, Held
from services.recording.domain.chapters import Chapter, ChaptersSet
from services.recording.domain.facts import Finished, HostNoted, SpeakerNoted
from services.recording.domain.recording import Phase, Recording


def people_of(notification: Notification) -> tuple[str, ...]:
    """Whom a fact concerns."""
    match notification.fact:
        case SpeakerNoted(person_id=person_id):
            return (person_id,)
        case HostNoted(host=host) | ChaptersSet(host=host):
            return (host,)
        case Finished(tracks=tracks):
            return tuple(track.person_id for track in tracks)
        case _:
            return ()


OpenChapters = Callable[[Recording], Awaitable[list[Chapter]]]


def held(store: Store[Recording], concerned: Concerned, chapters: OpenChapters) -> Held:
    """Of each recorded Space that they were on stage of: what they consented to, their own track of its replay, and the
    chapters that they set. Of a replay that was deleted there is none: its safety copy is for reports alone."""

    async def recordings(person: str, after: str) -> AsyncIterator[Found]:
        await concerned.catch_up(store)
        for space_id in concerned.of(person, after):
            if space_id != after:
                recording = await store.read(space_id, copy)
                own = await chapters(recording) if recording.chapters.host == person else []
                yield Found(space_id, _records(recording, person, own))

    return Held(recordings)


def _records(recording: Recording, person: str, chapters: list[Chapter]) -> tuple[HeldRecord, ...]:
    speaker = recording.speakers.get(person)
    shown = recording.phase is Phase.READY and recording.finished is not None
    tracks = recording.finished.tracks if shown and recording.finished is not None else ()
    track = next((one for one in tracks if one.person_id == person), None)
    if speaker is None and track is None and recording.host != person and not chapters:
        return ()
    return (
        HeldRecord(
            subject="recordings",
            at=recording.started_at,
            fields={
                "space_id": recording.space_id,
                "host": recording.host == person,
                "replay": shown,
                "consents": [
                    {"since": since.isoformat(), "consents": yes}
                    for since, yes in (() if speaker is None else speaker.consents)
                ],
                "chapters": [{"seconds": one.seconds, "title": one.title, "url": one.url} for one in chapters],
                "track": None
                if track is None
                else {"offset_seconds": track.offset_seconds, "seconds": track.seconds, "bytes": track.bytes},
            },
            file=None
            if track is None
            else HeldFile(path=f"tracks/{recording.space_id}.ogg", object=track.object, bytes=track.bytes),
        ),
    )

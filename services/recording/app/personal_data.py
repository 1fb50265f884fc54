"""What recording holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator

from contracts.personal_data import HeldFile, HeldRecord
from libs.eventstore import Notification, Store
from libs.personal_data import Concerned, Found, Held
from services.recording.domain.facts import Finished, HostNoted, SpeakerNoted
from services.recording.domain.recording import Phase, Recording


def people_of(notification: Notification) -> tuple[str, ...]:
    """Whom a fact concerns."""
    match notification.fact:
        case SpeakerNoted(person_id=person_id):
            return (person_id,)
        case HostNoted(host=host):
            return (host,)
        case Finished(tracks=tracks):
            return tuple(track.person_id for track in tracks)
        case _:
            return ()


def held(store: Store[Recording], concerned: Concerned) -> Held:
    """Of each recorded Space that they were on stage of: what they consented to, and their own track of its replay. Of
    a replay that was deleted there is none: its safety copy is for reports alone."""

    async def recordings(person: str, after: str) -> AsyncIterator[Found]:
        await concerned.catch_up(store)
        for space_id in concerned.of(person, after):
            if space_id != after:
                yield Found(space_id, await store.read(space_id, lambda recording: _records(recording, person)))

    return Held(recordings)


def _records(recording: Recording, person: str) -> tuple[HeldRecord, ...]:
    speaker = recording.speakers.get(person)
    shown = recording.phase is Phase.READY and recording.finished is not None
    tracks = recording.finished.tracks if shown and recording.finished is not None else ()
    track = next((one for one in tracks if one.person_id == person), None)
    if speaker is None and track is None and recording.host != person:
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
                "track": None
                if track is None
                else {"offset_seconds": track.offset_seconds, "seconds": track.seconds, "bytes": track.bytes},
            },
            file=None
            if track is None
            else HeldFile(path=f"tracks/{recording.space_id}.ogg", object=track.object, bytes=track.bytes),
        ),
    )

"""From stored facts to contract events.

What is stored has ids of people, and so have events; in answers, `who` tells what they are called now.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.envelope import Event, PersonRef
from contracts.recording import v1
from contracts.replay_forms import TRACKS
from libs.eventstore import Notification
from libs.names import Who
from libs.refusal import Refusal
from services.recording.domain.chapters import Chapter, ChaptersSet
from services.recording.domain.facts import (
    Began,
    Deleted,
    Failed,
    Finished,
    MadeAgain,
    SafetyCopyDestroyed,
    SafetyCopyHeard,
    Track,
)
from services.recording.domain.forms import FormMade
from services.recording.domain.recording import Phase, Recording
from services.recording.domain.sounds import Sound


def translate(notification: Notification) -> list[Event]:
    """What the public is told of a fact: nothing of who consented, that is room's to say."""
    space_id, version, at = notification.aggregate_id, notification.version, notification.record.at
    match notification.fact:
        case Began():
            return [v1.Began(space_id=space_id, version=version, at=at)]
        case Finished() | MadeAgain(shown=True) as fact:
            ready = v1.ReplayReady(
                space_id=space_id,
                version=version,
                at=at,
                seconds=fact.seconds,
                bytes=fact.bytes,
                mix=fact.mix,
                tracks=tuple(_track(track, PersonRef.of(track.person_id)) for track in fact.tracks),
                began_at=fact.began_at,
            )
            return [ready]
        case Failed() as fact:
            return [v1.Failed(space_id=space_id, version=version, at=at, reason=fact.reason, detail=fact.detail)]
        case Deleted() as fact:
            return [v1.ReplayDeleted(space_id=space_id, version=version, at=at, reason=fact.reason)]
        case ChaptersSet(count=count):
            return [v1.ChaptersChanged(space_id=space_id, version=version, at=at, chapters=count)]
        case SafetyCopyHeard() as fact:
            actor = notification.record.actor
            return [
                v1.SafetyCopyHeard(space_id=space_id, version=version, at=at, actor_id=actor, report_id=fact.report)
            ]
        case SafetyCopyDestroyed():
            return [v1.SafetyCopyDestroyed(space_id=space_id, version=version, at=at)]
        case _:
            return []


def replay_of(recording: Recording, who: Who) -> v1.Replay:
    """What everybody who may look is shown: of what was deleted, nothing."""
    if recording.phase in (Phase.DELETED, Phase.DESTROYED):
        return v1.Replay(space_id=recording.space_id, state=v1.ReplayState.NONE, deleted=True)
    return kept_of(recording, who)


def kept_of(recording: Recording, who: Who) -> v1.Replay:
    """What is kept, also of what was deleted."""
    state = v1.ReplayState.PROCESSING if recording.lacks_mix else _STATES[recording.phase]
    done = recording.finished
    if done is None:
        return v1.Replay(
            space_id=recording.space_id, state=state, began_at=recording.started_at, downloads=recording.downloads
        )
    return v1.Replay(
        space_id=recording.space_id,
        state=state,
        began_at=done.began_at,
        seconds=done.seconds,
        bytes=done.bytes,
        mix=done.mix or None,
        tracks=tracks_of(done.tracks, who),
        downloads=recording.downloads,
        chapters=recording.chapters.count > 0,
        made=tuple(form_of(recording.space_id, made) for made in recording.forms.made.values()),
    )


def shown_chapters(chapters: Iterable[Chapter], who: Who) -> tuple[v1.Chapter, ...]:
    """Chapters as they are shown; one that is called after somebody who is gone is left out."""
    shown = []
    for one in chapters:
        person = None if one.person_id is None else who(one.person_id)
        if person is not None and person.gone:
            person = None
        if one.title or person is not None:
            ref = None if person is None else person.ref
            shown.append(v1.Chapter(seconds=one.seconds, title=one.title, person=ref, url=one.url))
    return tuple(shown)


def form_of(space_id: str, made: FormMade) -> v1.ReplayForm:
    """A form of the mix."""
    return v1.ReplayForm(space_id=space_id, form=made.form, object=made.object, bytes=made.bytes, sha384=made.sha384)


def track_form_of(recording: Recording, form: str, person_id: str) -> v1.ReplayForm:
    """A track. Refuses: replay_unknown."""
    tracks = () if recording.finished is None or form != TRACKS else recording.finished.tracks
    found = next((track for track in tracks if track.person_id == person_id), None)
    if found is None:
        raise Refusal("replay_unknown", "There is no such track of this person.")
    return v1.ReplayForm(space_id=recording.space_id, form=form, object=found.object, bytes=found.bytes)


def sound_of(space_id: str, sound: Sound, who: Who) -> v1.ReportedSound:
    """What is kept of a Space for a piece of a report."""
    return v1.ReportedSound(
        space_id=space_id,
        piece=sound.piece,
        state=v1.SoundState(sound.state),
        object=sound.object,
        began_at=sound.began_at,
        seconds=sound.seconds,
        people=tuple(who(person_id).ref for person_id in sound.people),
    )


def tracks_of(tracks: Iterable[Track], who: Who) -> tuple[v1.Track, ...]:
    """Tracks as they are shown."""
    return tuple(_track(track, who(track.person_id).ref) for track in tracks)


def _track(track: Track, person: PersonRef) -> v1.Track:
    return v1.Track(
        person=person,
        object=track.object,
        offset_seconds=track.offset_seconds,
        seconds=track.seconds,
        bytes=track.bytes,
    )


_STATES = {
    Phase.NONE: v1.ReplayState.NONE,
    Phase.RECORDING: v1.ReplayState.RECORDING,
    Phase.PROCESSING: v1.ReplayState.PROCESSING,
    Phase.READY: v1.ReplayState.READY,
    Phase.FAILED: v1.ReplayState.FAILED,
    Phase.DELETED: v1.ReplayState.READY,
    Phase.DESTROYED: v1.ReplayState.NONE,
}

"""From stored facts to contract events.

What is stored has ids of people; `who` tells what they are called now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from contracts.envelope import Event
from contracts.recording import v1
from libs.eventstore import Notification
from libs.names import Who
from services.recording.domain import (
    Began,
    Deleted,
    Failed,
    Finished,
    MadeAgain,
    Phase,
    Recording,
    SafetyCopyDestroyed,
    SafetyCopyHeard,
    Track,
)


def named_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Ids of the people whose names are needed to translate these."""
    for notification in notifications:
        if isinstance(fact := notification.fact, Finished | MadeAgain):
            yield from (track.person_id for track in fact.tracks)


def translate(notification: Notification, who: Who) -> list[Event]:
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
                tracks=tracks_of(fact.tracks, who),
                began_at=fact.began_at,
            )
            return [ready]
        case Failed() as fact:
            return [v1.Failed(space_id=space_id, version=version, at=at, reason=fact.reason, detail=fact.detail)]
        case Deleted() as fact:
            return [v1.ReplayDeleted(space_id=space_id, version=version, at=at, reason=fact.reason)]
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
        return v1.Replay(space_id=recording.space_id, state=v1.ReplayState.NONE)
    return kept_of(recording, who)


def kept_of(recording: Recording, who: Who) -> v1.Replay:
    """What is kept, also of what was deleted."""
    state = v1.ReplayState.PROCESSING if recording.lacks_mix else _STATES[recording.phase]
    done = recording.finished
    if done is None:
        return v1.Replay(space_id=recording.space_id, state=state, began_at=recording.started_at)
    return v1.Replay(
        space_id=recording.space_id,
        state=state,
        began_at=done.began_at,
        seconds=done.seconds,
        bytes=done.bytes,
        mix=done.mix or None,
        tracks=tracks_of(done.tracks, who),
    )


def tracks_of(tracks: Iterable[Track], who: Who) -> tuple[v1.Track, ...]:
    return tuple(
        v1.Track(
            person=who(track.person_id).ref,
            object=track.object,
            offset_seconds=track.offset_seconds,
            seconds=track.seconds,
            bytes=track.bytes,
        )
        for track in tracks
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

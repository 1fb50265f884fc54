"""What recording hears: room's and people's events, captured audio, orders and questions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from contracts import capture, subjects
from contracts.commands import Accepted, Nothing
from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Handlers, Poison, Raw, Received, Retry, Unavailable
from libs.eventstore import Order, digest_of
from libs.ids import is_id
from libs.refusal import Refusal
from services.recording.adapters.spool import Entry, StorageFullError
from services.recording.app import Bundle, Finishing, Intake, Keeping, NotAdmittedError, Recordings, RejectedError
from services.recording.relay import kept_of, replay_of

_log = logging.getLogger(__name__)

ROOM_EVENTS: Final = tuple(
    subjects.event("room", "*", event.name) for event in (room.Started, room.StageJoined, room.HostChanged, room.Ended)
)
"""Who is recorded, from when to when, and whose it is."""
REPORT_EVENTS: Final = tuple(
    subjects.event("people", "*", event.name) for event in (people.Reported, people.ReportReopened, people.ReportClosed)
)
"""What must not be destroyed yet."""
_LINGER: Final = 0.2
"""Seconds to wait for company: audio is written to the disk about five times a second, not for each message."""

Snapshot = Callable[[str], Awaitable[room.Space]]


def handlers(recordings: Recordings, now: Callable[[], datetime]) -> Handlers:
    """What recording answers."""
    table = Handlers("recording")

    def order(command: v1.DeleteReplay | v1.HearSafetyCopy, *what: str) -> Order:
        if command.actor is None:
            raise Refusal("unauthenticated", "Sign in first.")
        digest = digest_of(command.name, *what)
        return Order(id=command.command_id, actor=command.actor, at=now(), digest=digest)

    @table.on(v1.DeleteReplay)
    async def delete_replay(command: v1.DeleteReplay) -> Accepted[Nothing]:
        done = await recordings.delete(order(command, command.space_id), command.space_id, operator=command.operator)
        return Accepted(version=done.version, result=Nothing())

    @table.on(v1.HearSafetyCopy)
    async def hear_safety_copy(command: v1.HearSafetyCopy) -> Accepted[v1.Replay]:
        ordered = order(command, command.space_id, command.report_id)
        if not command.operator:
            raise Refusal("not_allowed", "This is for those who run this place.")
        done = await recordings.hear(ordered, command.space_id, command.report_id)
        return Accepted(version=done.version, result=kept_of(done.view))

    @table.on(v1.ReplayQuery)
    async def replay(query: v1.ReplayQuery) -> v1.Replay:
        return replay_of(await recordings.get(query.space_id))

    return table


class RoomEvents:
    """Follows the lifecycle of Spaces and who comes on their stages."""

    def __init__(self, recordings: Recordings, intake: Intake, finishing: Finishing) -> None:
        self._recordings = recordings
        self._intake = intake
        self._finishing = finishing

    async def __call__(self, received: Received) -> None:
        event, cause = received.event, f"{received.source} {received.id}"
        try:
            match event:
                case room.Started() if event.settings.recorded:
                    await self._recordings.begin(event.space_id, cause, started_at=event.at, title=event.settings.title)
                    host = room.StageMember(person=event.host, role=room.Role.HOST, joined_at=event.at)
                    await note(self._recordings, event.space_id, cause, host)
                case room.Started():
                    self._intake.unrecorded(event.space_id)
                case room.StageJoined():
                    member = room.StageMember(
                        person=event.person,
                        role=event.role,
                        consent_to_recording=event.consent_to_recording,
                        joined_at=event.at,
                    )
                    await note(self._recordings, event.space_id, cause, member)
                case room.HostChanged():
                    await self._recordings.note_host(event.space_id, cause, event.host.id)
                case room.Ended():
                    if await self._recordings.end(event.space_id, cause, ended_at=event.at):
                        self._finishing.owe(event.space_id)
                case _:
                    pass
        except (Refusal, OSError) as error:
            raise Retry(str(error)) from error


class ReportEvents:
    """Follows the reports of what was said."""

    def __init__(self, recordings: Recordings, keeping: Keeping) -> None:
        self._recordings = recordings
        self._keeping = keeping

    async def __call__(self, received: Received) -> None:
        event, cause = received.event, f"{received.source} {received.id}"
        try:
            match event:
                case people.Reported():
                    named = (event.space_id, *(piece.space_id for piece in event.evidence))
                    for space_id in {one for one in named if one is not None}:
                        await self._recordings.reported(space_id, cause, event.report_id)
                case people.ReportReopened():
                    for space_id in await self._keeping.spaces_of(event.report_id):
                        await self._recordings.reported(space_id, cause, event.report_id)
                case people.ReportClosed():
                    for space_id in await self._keeping.spaces_of(event.report_id):
                        await self._recordings.settled(space_id, cause, event.report_id)
                case _:
                    pass
        except Refusal as error:
            raise Retry(str(error)) from error


async def note(recordings: Recordings, space_id: str, cause: str, member: room.StageMember) -> None:
    """Remember somebody on stage, and whether they may be recorded."""
    await recordings.note_speaker(
        space_id,
        cause,
        person_id=member.person.id,
        handle=member.person.handle,
        name=member.person.name,
        consents=member.consent_to_recording,
        since=member.joined_at,
    )


class Captured:
    """Takes captured bundles into the spool; what it returns from is on the disk."""

    def __init__(self, intake: Intake, recordings: Recordings, snapshot: Snapshot) -> None:
        """`snapshot` asks room for a Space; raises Refusal and Unavailable."""
        self._intake = intake
        self._recordings = recordings
        self._snapshot = snapshot

    async def __call__(self, batch: Sequence[Raw]) -> None:
        if (datetime.now(UTC) - batch[-1].published_at).total_seconds() < _LINGER:
            await asyncio.sleep(_LINGER)
        # Decided for the whole batch before anything is written: a message that fails is tried again alone.
        entries = [entry for raw in batch if (entry := await self._admit(decode(raw))) is not None]
        try:
            await self._intake.store(entries)
        except (StorageFullError, OSError) as error:
            raise Retry(f"captured audio cannot be stored: {error}") from error

    async def _admit(self, bundle: Bundle) -> Entry | None:
        try:
            try:
                return await self._intake.admit(bundle)
            except NotAdmittedError:
                # Audio may be faster than room's events; room itself knows.
                if not await self._learn(bundle.space_id):
                    return None
                return await self._intake.admit(bundle)
        except RejectedError as error:
            raise Poison(str(error)) from error
        except Refusal as error:
            if error.reason == "space_unknown":
                raise Poison(error.detail) from error
            raise Retry(str(error)) from error
        except Unavailable as error:
            raise Retry(str(error)) from error

    async def _learn(self, space_id: str) -> bool:
        """Take over what room says of a Space; whether it is recorded."""
        space = await self._snapshot(space_id)
        if not space.settings.recorded:
            self._intake.unrecorded(space_id)
            return False
        if space.started_at is None:
            return True
        cause = f"snapshot {space.version}"
        await self._recordings.begin(space_id, cause, started_at=space.started_at, title=space.settings.title)
        for member in space.stage:
            await note(self._recordings, space_id, cause, member)
        await self._recordings.note_host(space_id, cause, space.host.id)
        return True


def decode(raw: Raw) -> Bundle:
    """A CAPTURE message. Raises Poison for one that is not what media sends."""
    tokens = raw.subject.split(".")
    if len(tokens) != 4 or not is_id(tokens[2]) or not is_id(tokens[3]):
        raise Poison(f"{raw.subject!r} names no Space and session")
    person_id = raw.headers.get(subjects.HEADER_PERSON, "")
    if not is_id(person_id):
        raise Poison(f"{person_id!r} is no person")
    if raw.headers.get(subjects.HEADER_SESSION, tokens[3]) != tokens[3]:
        raise Poison("its header names another session than its subject")
    try:
        bundle = capture.decode(raw.data)
    except ValueError as error:
        raise Poison(str(error)) from error
    return Bundle(
        space_id=tokens[2],
        person_id=person_id,
        session_id=tokens[3],
        sequence=raw.sequence,
        published_at=raw.published_at,
        base_ns=bundle.base_ns,
        longest_us=max((packet.arrival_us for packet in bundle.packets), default=0),
        body=raw.data,
    )

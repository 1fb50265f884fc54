"""What recording hears: room's and people's events, captured audio, orders and questions."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from contracts import subjects
from contracts.commands import Accepted, Command, Nothing, Query
from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Handlers, Poison, Raw, Received, Retry, Unavailable
from libs.commands import Executor, Rows
from libs.eventstore import Fact
from libs.ids import is_id
from libs.keyring import Expired
from libs.names import Who
from libs.object_store import ObjectStoreError
from libs.personal_data import Held
from libs.refusal import Refusal
from services.recording.adapters.spool import StorageFullError
from services.recording.app.chapters import ChaptersOfReplays
from services.recording.app.erasing import Erasing
from services.recording.app.finishing import Finishing
from services.recording.app.forms import FormsOfReplays
from services.recording.app.intake import Admitted, CapturedMessage, Intake, NotAdmittedError, RejectedError
from services.recording.app.live import Live
from services.recording.app.on_demand import OnDemand
from services.recording.app.recordings import Recordings
from services.recording.app.retention import Retention
from services.recording.app.sounds import Sounds
from services.recording.domain.chapters import Chapter
from services.recording.domain.recording import Recording
from services.recording.translation import form_of, kept_of, replay_of, shown_chapters, sound_of, track_form_of

_log = logging.getLogger(__name__)

_LINGER: Final = 0.2
"""Seconds to wait for company: audio is written to the disk about five times a second, not for each message."""

FetchSpace = Callable[[str], Awaitable[room.Space]]


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command on a recording orders; see `libs.commands.executor.Ordered`."""
    match command:
        case v1.DeleteReplay():
            return (command.space_id,)
        case v1.AllowDownloads():
            return (command.space_id, command.allowed)
        case v1.SetChapters():
            given = tuple((one.seconds, one.title, one.person_id, one.url) for one in command.chapters)
            return (command.space_id, given)
        case v1.HearSafetyCopy():
            return (command.space_id, command.report_id)
        case _:
            raise TypeError(f"{command.name} is no command on a recording")


def handlers(
    executor: Executor[Recording],
    recordings: Recordings,
    sounds: Sounds,
    live: Live,
    on_demand: OnDemand,
    forms: FormsOfReplays,
    chapters: ChaptersOfReplays,
    held: Held,
    who: Who,
) -> Handlers:
    """What recording answers; `who` tells what people are called."""
    table = Handlers("recording")
    rows = Rows(table, executor)

    def space_id(command: v1.DeleteReplay | v1.AllowDownloads | v1.HearSafetyCopy) -> str:
        return command.space_id

    rows.on(
        v1.DeleteReplay,
        Recording,
        space_id,
        lambda recording, c: recording.delete(c.actor, operator=c.operator),
        allowed=_signed_in,
    )
    rows.on(
        v1.AllowDownloads,
        Recording,
        space_id,
        lambda recording, c: recording.allow_downloads(c.actor, allowed=c.allowed),
        allowed=_signed_in,
    )
    rows.on(
        v1.HearSafetyCopy,
        Recording,
        space_id,
        lambda recording, c: recording.hear(c.report_id),
        lambda recording, _: kept_of(recording, who),
        allowed=_operators_only,
    )

    @table.on(v1.ReplayQuery)
    async def replay(query: v1.ReplayQuery) -> v1.Replay:
        return replay_of(await recordings.get(query.space_id), who)

    @table.on(v1.ReplaysQuery)
    async def replays(query: v1.ReplaysQuery) -> v1.Replays:
        return v1.Replays(replays=tuple([replay_of(await recordings.get(id), who) for id in query.space_ids]))

    @table.on(v1.SetChapters)
    async def set_chapters(command: v1.SetChapters) -> Accepted[Nothing]:
        _signed_in(command)
        given = [Chapter(one.seconds, one.title, one.person_id, one.url) for one in command.chapters]
        version = await chapters.set(executor.order(command), command.space_id, given)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.ChaptersQuery)
    async def chapters_of(query: v1.ChaptersQuery) -> v1.Chapters:
        recording = await recordings.get(query.space_id)
        replay = recording.may_look()
        found = await (chapters.proposed(recording, query.actor) if query.proposed else chapters.of(recording))
        return v1.Chapters(space_id=query.space_id, seconds=replay.seconds, chapters=shown_chapters(found, who))

    @table.on(v1.ReplayFormQuery)
    async def replay_form(query: v1.ReplayFormQuery) -> v1.ReplayForm:
        if query.person_id is None:
            return form_of(query.space_id, await forms.get(query.space_id, query.form, query.actor))
        recording = await recordings.get(query.space_id)
        recording.may_download(query.actor)
        return track_form_of(recording, query.form, query.person_id)

    @table.on(v1.ReportedSoundsQuery)
    async def reported_sounds(query: v1.ReportedSoundsQuery) -> v1.ReportedSounds:
        if query.actor is not None or not query.operator:  # people asks for nobody in particular
            _operators_only(query)
        found = tuple(sound_of(space_id, sound, who) for space_id, sound in await sounds.of(query.report_id))
        return v1.ReportedSounds(report_id=query.report_id, sounds=found)

    table.add(v1.HeldQuery, held.page)

    @table.on(v1.LiveMixQuery)
    async def live_mix(query: v1.LiveMixQuery) -> v1.LiveMix:
        kept = live.has(query.space_id)
        far = live.far(query.space_id) if kept else await on_demand.far(query.space_id)
        began_at, first, next, header, over = far
        return v1.LiveMix(
            space_id=query.space_id,
            began_at=began_at,
            first=first,
            next=next,
            header=b64encode(header).decode(),
            over=over,
            kept=kept,
        )

    @table.on(v1.LivePartsQuery)
    async def live_parts(query: v1.LivePartsQuery) -> v1.LiveParts:
        if live.has(query.space_id):
            parts = await live.read(query.space_id, query.first, query.count)
        else:
            parts = on_demand.read(query.space_id, query.first, query.count)
        return v1.LiveParts(parts=tuple(b64encode(part).decode() for part in parts))

    return table


def _signed_in(request: Command[Any] | Query[Any]) -> None:
    if request.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")


def _operators_only(request: Command[Any] | Query[Any]) -> None:
    _signed_in(request)
    if not request.operator:
        raise Refusal("not_allowed", "This is for those who run this place.")


class RoomEvents:
    """Follows the lifecycle of Spaces and who comes on their stages."""

    def __init__(
        self,
        recordings: Recordings,
        executor: Executor[Recording],
        intake: Intake,
        finishing: Finishing,
        live: Live,
        on_demand: OnDemand,
    ) -> None:
        self._recordings = recordings
        self._executor = executor
        self._intake = intake
        self._finishing = finishing
        self._live = live
        self._on_demand = on_demand

    async def __call__(self, received: Received) -> None:
        event, cause = received.event, f"{received.source} {received.id}"
        try:
            match event:
                case room.Started() if event.settings.recorded:
                    await self._recordings.begin(event.space_id, cause, started_at=event.at, title=event.settings.title)
                    self._live.owe(event.space_id)
                    host = room.StageMember(person=event.host, role=room.Role.HOST, joined_at=event.at)
                    await _note(self._executor, event.space_id, cause, host)
                case room.Started():
                    self._intake.unrecorded(event.space_id)
                case room.StageJoined():
                    member = room.StageMember(
                        person=event.person,
                        role=event.role,
                        consent_to_recording=event.consent_to_recording,
                        joined_at=event.at,
                    )
                    await _note(self._executor, event.space_id, cause, member)
                case room.HostChanged():
                    await _note_host(self._executor, event.space_id, cause, event.host.id, event.version)
                case room.Ended():
                    self._on_demand.end(event.space_id)
                    if await self._recordings.end(event.space_id, cause, ended_at=event.at):
                        self._finishing.owe(event.space_id)
                        self._live.owe(event.space_id)
                case room.SpaceDeleted(space_id=space_id, actor=actor):
                    await self._executor.by_itself(space_id, lambda r, _: r.discard(actor), cause=f"discard {cause}")
                case _:
                    pass
        except (Refusal, Unavailable, Expired, OSError) as error:
            raise Retry(str(error)) from error


class ReportEvents:
    """Follows the reports of what was said."""

    def __init__(self, executor: Executor[Recording], retention: Retention, sounds: Sounds) -> None:
        self._executor = executor
        self._retention = retention
        self._sounds = sounds

    async def __call__(self, received: Received) -> None:
        event, cause = received.event, f"{received.source} {received.id}"
        try:
            match event:
                case people.Reported():
                    named = (event.space_id, *(piece.space_id for piece in event.evidence))
                    await self._reported([one for one in dict.fromkeys(named) if one], cause, event.report_id)
                case people.ReportCopied() as e:
                    await self._sounds.want(
                        e.space_id, e.report_id, e.piece, e.sound_since, e.sound_until, cause=f"sound {cause}"
                    )
                case people.ReportReopened():
                    await self._reported(await self._retention.spaces_of(event.report_id), cause, event.report_id)
                case people.ReportClosed():
                    await self._settled(await self._retention.spaces_of(event.report_id), cause, event.report_id)
                case _:
                    pass
        except Refusal as error:
            raise Retry(str(error)) from error

    async def _reported(self, space_ids: Iterable[str], cause: str, report: str) -> None:
        for space_id in space_ids:
            await self._executor.by_itself(space_id, lambda r, _: r.report(report), cause=f"report {cause}")

    async def _settled(self, space_ids: Iterable[str], cause: str, report: str) -> None:
        for space_id in space_ids:
            await self._executor.by_itself(space_id, lambda r, _: r.settle(report), cause=f"settle {cause}")


class ForgottenEvents:
    """Removes recordings of whoever was erased, and what was kept for reports whose time is over."""

    def __init__(self, erasing: Erasing, sounds: Sounds, live: Live, forms: FormsOfReplays) -> None:
        self._erasing = erasing
        self._forms = forms
        self._sounds = sounds
        self._live = live

    async def __call__(self, received: Received) -> None:
        event = received.event
        if not isinstance(event, people.Forgotten) or event.whole is None:
            return
        kind, id = event.whole
        try:
            match kind:
                case "person":
                    await self._live.erase_person(id)
                    await self._forms.erase_person(id)
                    await self._erasing.erase_person(id)
                case "space":
                    await self._live.erase_space(id)
                    await self._erasing.erase_space(id)
                case "report":
                    await self._sounds.remove(id)
                case _:
                    pass
        except (ObjectStoreError, Refusal, Unavailable, OSError) as error:
            raise Retry(str(error)) from error


async def _note(executor: Executor[Recording], space_id: str, cause: str, member: room.StageMember) -> None:
    """Remember somebody on stage, and whether they may be recorded; where the Space is not, nothing happens."""
    person_id = member.person.id

    def decide(recording: Recording, _: datetime) -> Iterable[Fact]:
        return recording.note_speaker(
            person_id=person_id,
            consents=member.consent_to_recording,
            since=member.joined_at,
        )

    await executor.by_itself(space_id, decide, cause=f"note {cause} {person_id}")


async def _note_host(executor: Executor[Recording], space_id: str, cause: str, host: str, version: int) -> None:
    """Remember who hosts the Space at this version of it; where the Space is not recorded, nothing happens."""
    await executor.by_itself(space_id, lambda r, _: r.note_host(host, version), cause=f"host {cause}")


class BundleHandler:
    """Takes captured bundles into the spool; what it returns from is on the disk."""

    def __init__(
        self, intake: Intake, recordings: Recordings, executor: Executor[Recording], snapshot: FetchSpace, live: Live
    ) -> None:
        """`snapshot` asks room for a Space; raises Refusal and Unavailable."""
        self._intake = intake
        self._recordings = recordings
        self._executor = executor
        self._snapshot = snapshot
        self._live = live

    async def __call__(self, batch: Sequence[Raw]) -> None:
        if (datetime.now(UTC) - batch[-1].published_at).total_seconds() < _LINGER:
            await asyncio.sleep(_LINGER)
        # Decided for the whole batch before anything is written: a message that fails is tried again alone.
        admitted = [one for raw in batch if (one := await self._admit_raw(raw)) is not None]
        try:
            await self._intake.store(one.entry for one in admitted)
        except (StorageFullError, OSError) as error:
            raise Retry(f"captured audio cannot be stored: {error}") from error
        self._live.take(admitted, batch[-1].sequence, batch[-1].published_at)

    async def _admit_raw(self, raw: Raw) -> Admitted | None:
        message = decode(raw)
        admitted = await self._admit(message)
        if admitted is None and raw.deliveries == 0 and await self._intake.is_finished(message.space_id):
            raise Poison("the replay of its Space is finished, and nothing is added to it any more")
        return admitted

    async def _admit(self, message: CapturedMessage) -> Admitted | None:
        try:
            try:
                return await self._intake.admit(message)
            except NotAdmittedError:
                # Audio may be faster than room's events; room itself knows.
                if not await self._learn(message.space_id):
                    return None
                return await self._intake.admit(message)
        except RejectedError as error:
            raise Poison(str(error)) from error
        except Refusal as error:
            if error.reason in ("space_unknown", "space_deleted"):
                raise Poison(error.detail) from error
            raise Retry(str(error)) from error
        except (Unavailable, Expired) as error:
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
        self._live.owe(space_id)
        for member in space.stage:
            await _note(self._executor, space_id, cause, member)
        # Room may have answered before somebody else became host, of which its event has told already.
        await _note_host(self._executor, space_id, cause, space.host.id, space.version)
        return True


def decode(raw: Raw) -> CapturedMessage:
    """A CAPTURE message. Raises Poison for one that is not what media sends."""
    tokens = raw.subject.split(".")
    if len(tokens) != 4 or not is_id(tokens[2]) or not is_id(tokens[3]):
        raise Poison(f"{raw.subject!r} names no Space and session")
    person_id = raw.headers.get(subjects.HEADER_PERSON, "")
    if not is_id(person_id):
        raise Poison(f"{person_id!r} is no person")
    if raw.headers.get(subjects.HEADER_SESSION, tokens[3]) != tokens[3]:
        raise Poison("its header names another session than its subject")
    return CapturedMessage(
        space_id=tokens[2],
        person_id=person_id,
        session_id=tokens[3],
        sequence=raw.sequence,
        published_at=raw.published_at,
        body=raw.data,
        unit=raw.headers.get(subjects.HEADER_UNIT),
    )

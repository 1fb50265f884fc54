"""Corrections and queries of transcripts, and the events that say whose they are and when they go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from contracts.commands import Accepted, Command, Nothing
from contracts.people.v1 import Forgotten
from contracts.recording.v1 import ReplayDeleted
from contracts.room import v1 as room
from contracts.transcription import v1
from libs.bus import Handlers, Received, Retry
from libs.commands import Executor, Rows
from libs.keyring import Expired
from libs.names import Who
from libs.personal_data import Held
from libs.refusal import Refusal
from services.transcription.adapters.formats import CaptionLine, document
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.app.transcripts import Transcripts
from services.transcription.domain.transcript import Transcript
from services.transcription.translation import ShownCaption, locks_of, shown_of, shown_to

_BYTES: Final = 800_000
"""Of captions in one answer, which NATS takes up to 1 MiB. One caption is 20 kB at most."""
_ATTEMPTS: Final = 3
_AT_ONCE: Final = 50
"""Captions that are opened before others have their turn."""
_CHARACTERS: Final = 200_000
"""Of a document in one answer: at most 4 bytes each."""


class Deletions:
    """Deletes the transcript with its replay, or with its Space."""

    def __init__(self, executor: Executor[Transcript]) -> None:
        self._executor = executor

    async def __call__(self, received: Received) -> None:
        match received.event:
            case ReplayDeleted(space_id=space_id):
                await self._delete(space_id)
            case Forgotten(whole=("space", space_id)):
                await self._delete(space_id)
            case _:
                pass

    async def _delete(self, space_id: str) -> None:
        try:
            await self._executor.by_itself(space_id, lambda t, _: t.delete(), cause="delete")
        except Refusal as error:
            raise Retry(str(error)) from error


class RoomEvents:
    """Follows who hosts Spaces with captions, which of them are recorded, and which were deleted."""

    def __init__(self, executor: Executor[Transcript]) -> None:
        self._executor = executor

    async def __call__(self, received: Received) -> None:
        event, cause = received.event, f"{received.source} {received.id}"
        try:
            match event:
                case room.Started(space_id=space_id, host=host, settings=settings) if settings.captions:
                    await self._executor.by_itself(
                        space_id, lambda t, _: t.note(host.id, recorded=settings.recorded), cause=f"note {cause}"
                    )
                case room.HostChanged(space_id=space_id, host=host):
                    await self._executor.by_itself(space_id, lambda t, _: t.change_host(host.id), cause=f"host {cause}")
                case room.SpaceDeleted(space_id=space_id):
                    await self._executor.by_itself(space_id, lambda t, _: t.delete(), cause="delete")
                case _:
                    pass
        except Refusal as error:
            raise Retry(str(error)) from error


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command on a transcript orders; see `libs.commands.executor.Ordered`."""
    match command:
        case v1.CorrectCaption():
            return (command.space_id, command.caption_id, command.text)
        case v1.RejectCorrection() | v1.DeleteCaption():
            return (command.space_id, command.caption_id)
        case v1.DeleteTranscript():
            return (command.space_id,)
        case _:
            raise TypeError(f"{command.name} is no command on a transcript")


def handlers(
    executor: Executor[Transcript],
    transcripts: Transcripts,
    who: Who,
    sealer: CaptionSealer,
    languages: Collection[str] = (),
    *,
    held: Held,
    must_be_complete: Callable[[], Awaitable[None]],
) -> Handlers:
    """The table of what transcription answers; `who` tells what people are called, `sealer` opens what they said, and
    `languages` are the primary subtags of what is understood. `must_be_complete` refuses while `who` does not know of
    everything that was told: what names people would name who was erased."""
    understood = tuple(sorted(languages))
    table = Handlers("transcription")
    rows = Rows(table, executor)

    async def shown(found: Transcript, *, words: bool = False, around: str | None = None) -> list[ShownCaption]:
        """All captions of a transcript that can be read, with their words one by one where those are wanted; or one
        caption alone, with its neighbours."""
        spoken = found.spoken() if around is None else found.around(around)
        for _ in range(_ATTEMPTS):
            await sealer.fetch(locks_of(found, spoken))
            readable = []
            try:
                for number, caption in enumerate(spoken, 1):
                    if (one := shown_of(found, caption, sealer, words=words)) is not None:
                        readable.append(one)
                    if not number % _AT_ONCE:
                        await asyncio.sleep(0)
            except Expired:
                continue  # something under one of these locks was destroyed meanwhile
            return readable
        raise Refusal("unavailable", "What was said cannot be read for a moment; try again.", retry=True)

    @table.on(v1.CorrectCaption)
    async def correct(c: v1.CorrectCaption) -> Accepted[Nothing]:
        order = executor.order(c)
        version = await transcripts.correct(order, c.space_id, c.caption_id, c.text, by=_actor(c))
        return Accepted(version=version, result=Nothing())

    rows.on(
        v1.RejectCorrection,
        Transcript,
        lambda c: c.space_id,
        lambda transcript, c: transcript.reject(c.caption_id, actor=_actor(c)),
    )

    rows.on(
        v1.DeleteCaption,
        Transcript,
        lambda c: c.space_id,
        lambda transcript, c: transcript.delete_caption(c.caption_id, actor=_actor(c), operator=c.operator),
    )
    rows.on(
        v1.DeleteTranscript,
        Transcript,
        lambda c: c.space_id,
        lambda transcript, c: transcript.delete_alone(actor=_actor(c), operator=c.operator),
    )

    @table.on(v1.TranscriptQuery)
    async def transcript(query: v1.TranscriptQuery) -> v1.Transcript:
        await must_be_complete()
        found = await transcripts.read(query.space_id, query.at)
        if not found.shown:
            return v1.Transcript(space_id=query.space_id, state="none", languages=understood)
        readable = (await shown(found))[query.after :]
        captions: list[v1.Caption] = []
        size = 0
        for caption in readable:
            if size > _BYTES:
                break
            captions.append(shown_to(query.actor, caption, found, who, sealer))
            size += len(captions[-1].model_dump_json().encode())
        return v1.Transcript(
            space_id=query.space_id,
            state="complete" if found.completed else "open",
            captions=tuple(captions),
            version=found.version,
            more=len(captions) < len(readable),
            languages=understood,
        )

    @table.on(v1.CaptionsAroundQuery)
    async def captions_around(query: v1.CaptionsAroundQuery) -> v1.CaptionsAround:
        await must_be_complete()
        found = await transcripts.read(query.space_id)
        if not found.shown:
            raise Refusal("transcript_unknown", "This Space has no transcript.")
        readable = await shown(found, around=query.caption_id)
        if all(one.fact.caption_id != query.caption_id for one in readable):
            raise Refusal("caption_unknown", "There is no such caption.")
        captions = tuple(shown_to(query.actor, one, found, who, sealer) for one in readable)
        return v1.CaptionsAround(space_id=query.space_id, captions=captions)

    @table.on(v1.LanguagesQuery)
    async def spoken_languages(query: v1.LanguagesQuery) -> v1.Languages:
        return v1.Languages(languages=understood)

    @table.on(v1.TranscriptDocumentQuery)
    async def transcript_document(query: v1.TranscriptDocumentQuery) -> v1.TranscriptDocument:
        await must_be_complete()
        found = await transcripts.read(query.space_id, query.at)
        if found.started_at is None or not found.shown:
            raise Refusal("transcript_unknown", "This Space has no transcript.")
        lines = [_line(one, who) for one in await shown(found, words=query.format == "json")]
        content_type, body = document(query.format, lines, found.started_at)
        until = query.after + _CHARACTERS
        return v1.TranscriptDocument(
            content_type=content_type,
            body=body[query.after : until],
            version=found.version,
            more=until < len(body),
            digest=hashlib.blake2b(body.encode(), digest_size=12).hexdigest(),
        )

    table.add(v1.HeldQuery, held.page)
    return table


def _actor(command: Command[Any]) -> str:
    if command.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return command.actor


def _line(shown: ShownCaption, who: Who) -> CaptionLine:
    caption, correction = shown.fact, shown.correction
    return CaptionLine(
        id=caption.caption_id,
        person_id=caption.person_id,
        name=who(caption.person_id).name,
        lang=caption.lang,
        text=shown.text,
        start_at=caption.start_at,
        end_at=caption.end_at,
        words=shown.words,
        corrected_by=None if correction is None else correction.by,
    )

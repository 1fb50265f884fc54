"""What transcription is asked, and what it hears of replays."""

from __future__ import annotations

from typing import Final

from contracts import subjects
from contracts.recording.v1 import ReplayDeleted
from contracts.transcription import v1
from libs.bus import Handlers, Received, Refusal, Retry
from services.transcription.adapters.formats import Line, document
from services.transcription.app import Transcripts
from services.transcription.relay import caption_of

DELETIONS: Final = (subjects.event("recording", "*", ReplayDeleted.name),)
"""When a transcript goes."""
_CAPTIONS: Final = 500
"""In one answer, which NATS takes up to 1 MiB: a caption is 2 kB at most, half a minute of speech with a name."""
_CHARACTERS: Final = 200_000
"""Of a document in one answer: at most 4 bytes each."""


class Deletions:
    """Deletes the transcript with its replay."""

    def __init__(self, transcripts: Transcripts) -> None:
        self._transcripts = transcripts

    async def __call__(self, received: Received) -> None:
        if isinstance(received.event, ReplayDeleted):
            try:
                await self._transcripts.delete(received.event.space_id)
            except Refusal as error:
                raise Retry(str(error)) from error


def handlers(transcripts: Transcripts) -> Handlers:
    """The table of what transcription answers."""
    table = Handlers("transcription")

    @table.on(v1.TranscriptQuery)
    async def transcript(query: v1.TranscriptQuery) -> v1.Transcript:
        found = await transcripts.read(query.space_id, query.at)
        if found.started_at is None or found.deleted:
            return v1.Transcript(space_id=query.space_id, state="none")
        spoken = found.spoken()
        until = query.after + _CAPTIONS
        return v1.Transcript(
            space_id=query.space_id,
            state="complete" if found.completed else "open",
            captions=tuple(caption_of(caption) for caption in spoken[query.after : until]),
            version=found.version,
            more=until < len(spoken),
        )

    @table.on(v1.TranscriptDocumentQuery)
    async def transcript_document(query: v1.TranscriptDocumentQuery) -> v1.TranscriptDocument:
        found = await transcripts.read(query.space_id, query.at)
        if found.started_at is None or found.deleted:
            raise Refusal("transcript_unknown", "This Space has no captions.")
        lines = [Line(c.caption_id, c.person_id, c.name, c.lang, c.text, c.start_at, c.end_at) for c in found.spoken()]
        content_type, body = document(query.format, lines, found.started_at)
        until = query.after + _CHARACTERS
        return v1.TranscriptDocument(
            content_type=content_type, body=body[query.after : until], version=found.version, more=until < len(body)
        )

    return table

"""Transcripts: what was said, in words."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from contracts.discovery.v1 import SentencePage, TranscriptSearchQuery
from contracts.envelope import SpaceId
from contracts.times import GivenMoment
from contracts.transcription.v1 import (
    CaptionId,
    CorrectCaption,
    DeleteCaption,
    DeleteTranscript,
    Languages,
    LanguagesQuery,
    RejectCorrection,
    Transcript,
    TranscriptDocumentQuery,
    TranscriptQuery,
)
from services.gateway.app.access import look_inside
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import AddressViewerDep, GatewayDep, HeadDep, LinkViewerDep, json_only
from services.gateway.http.conditions import tagged
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(tags=["what was said"])

_LOOK: Final = ("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "invalid")


@router.get("/v1/spaces/{space_id}/transcript", operation_id="getTranscript", responses=responses(*_LOOK))
async def transcript(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> Transcript:
    """Every final caption so far."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = TranscriptQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    found = await gateway.ask(query)
    while found.more:
        part = await gateway.ask(query.model_copy(update={"after": len(found.captions), "at": found.version}))
        # Of one that was deleted meanwhile nothing is shown.
        before = found.captions if part.captions else ()
        found = part.model_copy(update={"captions": before + part.captions})
    return found


@router.get("/v1/captions/languages", operation_id="getCaptionLanguages", responses=responses())
async def languages(gateway: GatewayDep) -> Languages:
    """What languages there are captions in; whoever speaks another one has none."""
    return await gateway.ask(LanguagesQuery())


@router.get(
    "/v1/transcripts/search", operation_id="searchTranscripts",
    responses=responses("unauthenticated", "suspended", "invalid", "too_many_requests"),
)  # fmt: skip
async def search(
    viewer: AddressViewerDep,
    gateway: GatewayDep,
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Words, all of which the sentence must have; in double quotes a phrase. Where nothing has "
            "them, slips are forgiven. May be left out where a speaker is given.",
        ),
    ] = "",
    speaker: Annotated[str | None, Query(max_length=26, description="Id or handle of who said it.")] = None,
    space: Annotated[SpaceId | None, Query(description="Only in this Space.")] = None,
    said_from: Annotated[GivenMoment | None, Query(alias="from", description="Said then or later.")] = None,
    said_to: Annotated[GivenMoment | None, Query(alias="to", description="Said before.")] = None,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=300, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SentencePage:
    """Sentences that were said in Spaces, live or over, whose transcript one may read: each with its neighbours and
    the second to jump to, best first."""
    query = TranscriptSearchQuery(
        actor=viewer.person_id,
        operator=viewer.operator,
        words=q,
        speaker=speaker,
        space_id=space,
        said_from=said_from,
        said_to=said_to,
        cursor=cursor,
        limit=limit,
    )
    return await gateway.ask(query)


Format = Literal["vtt", "srt", "txt", "json"]
_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    **responses(*_LOOK, "transcript_unknown", "not_ready", "precondition_failed"),
    304: {"description": "Unchanged"},
    200: {
        "description": "The transcript",
        "content": {
            kind: {"schema": {"type": "string"}}
            for kind in ("text/vtt", "application/x-subrip", "text/plain", "application/json")
        },
    },
}


@router.get(
    "/v1/spaces/{space_id}/transcript.{format}", operation_id="getTranscriptFile", response_class=Response,
    responses=_DOCUMENT,
)  # fmt: skip
async def transcript_file(
    request: Request, space_id: SpacePath, format: Format, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """The transcript as a file: WebVTT, SubRip, plain text or JSON."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = TranscriptDocumentQuery(space_id=space_id, format=format, actor=viewer.person_id, operator=viewer.operator)
    document = await gateway.ask(query)
    while document.more:
        part = await gateway.ask(query.model_copy(update={"after": len(document.body), "at": document.version}))
        if part.digest == document.digest:
            document = part.model_copy(update={"body": document.body + part.body})
        else:
            document = await gateway.ask(query)
    body = document.body.encode()
    return tagged(request, body, document.content_type, "This transcript is another one than If-Match says.")


_CaptionPath = Annotated[CaptionId, Path(description="Id of a caption")]
_OF_A_CORRECTION: Final = (*OF_A_COMMAND, "suspended", "transcript_unknown", "caption_unknown")


@body_of(CorrectCaption, "text")
class Corrected(Body):
    """What was said, in the host's words."""


@router.patch(
    "/v1/spaces/{space_id}/transcript/captions/{caption_id}", status_code=204, operation_id="correctCaption",
    dependencies=[Depends(json_only)],
    responses=responses(*_OF_A_CORRECTION, "not_host", "not_ready", "correction_rejected"),
)  # fmt: skip
async def correct_caption(
    space_id: SpacePath, caption_id: _CaptionPath, body: Corrected, head: HeadDep, gateway: GatewayDep
) -> None:
    """The host puts other words in place of what was heard; what was heard takes that back."""
    await gateway.ask(CorrectCaption(**head.fields, space_id=space_id, caption_id=caption_id, **dict(body)))


@router.delete(
    "/v1/spaces/{space_id}/transcript/captions/{caption_id}", status_code=204, operation_id="deleteCaption",
    responses=responses(*_OF_A_CORRECTION, "not_yours"),
)  # fmt: skip
async def delete_caption(space_id: SpacePath, caption_id: _CaptionPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Who said it, or the host, deletes it for good; again is fine."""
    await gateway.ask(DeleteCaption(**head.fields, space_id=space_id, caption_id=caption_id))


@router.delete(
    "/v1/spaces/{space_id}/transcript", status_code=204, operation_id="deleteTranscript",
    responses=responses(*OF_A_COMMAND, "suspended", "transcript_unknown", "not_host", "not_ready"),
)  # fmt: skip
async def delete_transcript(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> None:
    """The host deletes the transcript, and keeps the replay; again is fine."""
    await gateway.ask(DeleteTranscript(**head.fields, space_id=space_id))


@router.delete(
    "/v1/spaces/{space_id}/transcript/captions/{caption_id}/correction", status_code=204,
    operation_id="rejectCorrection", responses=responses(*_OF_A_CORRECTION, "not_yours", "wrong_state"),
)  # fmt: skip
async def reject_correction(space_id: SpacePath, caption_id: _CaptionPath, head: HeadDep, gateway: GatewayDep) -> None:
    """The speaker has what was heard shown instead of the host's words, for good; again is fine."""
    await gateway.ask(RejectCorrection(**head.fields, space_id=space_id, caption_id=caption_id))

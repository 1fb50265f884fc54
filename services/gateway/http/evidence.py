"""What was reported, as it was then: for operators, who open a sealed copy of it. Every look is on the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from contracts.envelope import Model, PersonRef
from contracts.people.v1 import CopiedPiece, LookAtCopy, ReportedCopy, ReportId
from contracts.recording.v1 import ReportedSound, ReportedSoundsQuery, SoundState
from contracts.times import Moment
from libs.bus import Unavailable
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import GatewayDep, LinkViewerDep, ViewerDep, derived_id, json_only
from services.gateway.http.problems import responses
from services.gateway.http.reports import ReportPath
from services.gateway.http.stored_audio import serve_reported

router = APIRouter(tags=["operators"])

PiecePath = Annotated[int, Path(ge=0, le=999, description="Number of a piece of a report")]
_REFUSED: Final = ("unauthenticated", "suspended", "not_allowed", "report_unknown", "invalid")
_AUDIO: Final[dict[int | str, dict[str, Any]]] = {
    **responses(*_REFUSED, "replay_unknown", "precondition_failed", "range_not_satisfiable"),
    206: {"description": "The part that was asked for"},
    304: {"description": "Unchanged"},
}


class KeptSound(Model):
    """Sound that belongs to a piece."""

    state: SoundState
    address: str | None = None
    """Where it is heard; `POST /v1/links` makes a link of it."""
    began_at: Moment | None = None
    seconds: float = 0
    people: tuple[PersonRef, ...] = ()
    """Who is heard."""


class EvidencePiece(CopiedPiece):
    """One thing that was reported."""

    sound: KeptSound | None = None
    """None where none belongs to it, or that cannot be said now."""


class ReportEvidence(Model):
    """What was reported, as it was then."""

    report_id: ReportId
    pieces: tuple[EvidencePiece, ...] = ()
    people: tuple[PersonRef, ...] = ()
    """Whoever it names by their id, as they are called now; who was erased is left out."""
    destroyed_at: Moment | None = None
    """When the copy was destroyed, since the report was closed for so long."""


@router.get(
    "/v1/ops/moderation/reports/{report_id}/evidence", operation_id="getReportEvidence",
    dependencies=[Depends(json_only)], responses=responses(*_REFUSED),
)  # fmt: skip
async def evidence(report_id: ReportPath, viewer: ViewerDep, gateway: GatewayDep) -> ReportEvidence:
    """What was reported, as it was then. That it is read is put on the log."""
    copy = await _look(gateway, viewer, report_id, new_id(), None)
    try:
        sounds = {sound.piece: sound for sound in await _sounds(gateway, viewer, report_id)}
    except (Unavailable, Refusal):
        sounds = {}  # the words are shown all the same
    pieces = (EvidencePiece(**dict(piece), sound=_kept(report_id, piece, sounds)) for piece in copy.pieces)
    return ReportEvidence(report_id=report_id, pieces=tuple(pieces), people=copy.people, destroyed_at=copy.destroyed_at)


@router.get(
    "/v1/ops/moderation/reports/{report_id}/evidence/{piece}.m4a", operation_id="hearReportEvidence",
    response_class=Response, responses=_AUDIO,
)  # fmt: skip
async def sound(
    request: Request, report_id: ReportPath, piece: PiecePath, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """The sound of a piece; ranges are served. All that one operator asks for within an hour is one look."""
    hour = datetime.now(UTC).strftime("%Y%m%d%H")
    look = derived_id("hear", viewer.person_id or "", report_id, str(piece), hour)
    copy = await _look(gateway, viewer, report_id, look, piece)
    found = next((one for one in await _sounds(gateway, viewer, report_id) if one.piece == piece), None)
    if found is None or copy.destroyed_at is not None:
        raise Refusal("replay_unknown", "No sound is kept of this.")
    return await serve_reported(request, gateway, found)


async def _look(gateway: Gateway, viewer: Viewer, report_id: str, id: str, piece: int | None) -> ReportedCopy:
    command = LookAtCopy(
        command_id=id, actor=viewer.person_id, operator=viewer.operator, report_id=report_id, piece=piece
    )
    return await gateway.ask(command)


async def _sounds(gateway: Gateway, viewer: Viewer, report_id: str) -> tuple[ReportedSound, ...]:
    query = ReportedSoundsQuery(actor=viewer.person_id, operator=viewer.operator, report_id=report_id)
    return (await gateway.ask(query)).sounds


def _kept(report_id: str, piece: CopiedPiece, sounds: dict[int, ReportedSound]) -> KeptSound | None:
    if piece.sound_since is None:
        return None
    found = sounds.get(piece.number)
    if found is None:
        return None
    address = f"/v1/ops/moderation/reports/{report_id}/evidence/{piece.number}.m4a"
    return KeptSound(
        state=found.state,
        address=address if found.state is SoundState.KEPT else None,
        began_at=found.began_at,
        seconds=found.seconds,
        people=found.people,
    )

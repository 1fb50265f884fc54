"""Replays: the mix of a Space and the tracks of its speakers."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from contracts import object_names
from contracts.envelope import PersonRef
from contracts.recording.v1 import DeleteReplay, Replay, ReplayQuery, ReplayState
from contracts.replay_forms import FORMS
from contracts.times import Moment
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look_inside
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import AddressViewerDep, GatewayDep, HeadDep, LinkViewerDep
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import responses
from services.gateway.http.stored_audio import serve_mix, serve_track

router = APIRouter(tags=["what was said"])

_LOOK: Final = ("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "invalid")


class TrackView(BaseModel):
    """One speaker's own audio."""

    person: PersonRef
    url: str
    offset_seconds: float
    """Where it starts in the replay."""
    seconds: float
    bytes: int


class ReplayView(BaseModel):
    """How far the replay is, and where its parts are."""

    state: ReplayState
    began_at: Moment | None = None
    seconds: float = 0
    bytes: int = 0
    mix: str | None = None
    """Address of the mix."""
    tracks: list[TrackView] = []
    downloads: bool = False
    """Whether everybody who may play it may download it; the host always may."""
    forms: list[str] = []
    """In what forms: `downloads/mix.<form>` of the Space."""


async def _replay(gateway: Gateway, space_id: str, viewer: Viewer) -> Replay:
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = ReplayQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@router.get("/v1/spaces/{space_id}/replay", operation_id="getReplay", responses=responses(*_LOOK))
async def replay(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> ReplayView:
    """How far the replay is, and where its parts are."""
    kept = await _replay(gateway, space_id, viewer)
    ready = kept.state is ReplayState.READY
    return ReplayView(
        state=kept.state,
        began_at=kept.began_at,
        seconds=kept.seconds,
        bytes=kept.bytes,
        mix=f"/v1/spaces/{space_id}/replay.m4a" if ready and kept.mix else None,
        tracks=[
            TrackView(
                person=track.person,
                url=f"/v1/spaces/{space_id}/tracks/{track.person.id}.ogg",
                offset_seconds=track.offset_seconds,
                seconds=track.seconds,
                bytes=track.bytes,
            )
            for track in kept.tracks
            if ready
        ],
        downloads=kept.downloads,
        forms=list(FORMS) if ready and kept.mix else [],
    )


@router.delete(
    "/v1/spaces/{space_id}/replay", status_code=204, operation_id="deleteReplay",
    responses=responses(
        "unauthenticated", "suspended", "not_host", "replay_unknown", "not_ready", "idempotency_conflict", "invalid",
        "too_many_requests",
    ),
)  # fmt: skip
async def delete_replay(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> None:
    """The host deletes the replay, its tracks and its transcript; again is fine."""
    await gateway.ask(DeleteReplay(**head.fields, space_id=space_id))


def _audio(media_type: str) -> dict[int | str, dict[str, Any]]:
    schema = {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
    return {
        **responses(
            *_LOOK, "replay_unknown", "replay_deleted", "not_ready", "precondition_failed", "range_not_satisfiable"
        ),
        200: {"description": "All of it", **schema},
        206: {"description": "The part that was asked for", **schema},
        304: {"description": "Unchanged"},
    }


async def _ready(gateway: Gateway, space_id: str, viewer: Viewer) -> Replay:
    kept = await _replay(gateway, space_id, viewer)
    if kept.deleted:
        raise Refusal("replay_deleted", "The replay of this Space was deleted.")
    match kept.state:
        case ReplayState.READY:
            return kept
        case ReplayState.NONE | ReplayState.FAILED:
            raise Refusal("replay_unknown", "There is no replay of this Space.")
        case _:
            raise Refusal("not_ready", "The replay is not ready yet; listen to the live events for it.", retry=True)


@router.get(
    "/v1/spaces/{space_id}/replay.m4a", operation_id="getMix", response_class=Response,
    responses=_audio(object_names.MIX_TYPE),
)  # fmt: skip
async def mix(request: Request, space_id: SpacePath, viewer: LinkViewerDep, gateway: GatewayDep) -> Response:
    """The mix; ranges are served."""
    return await serve_mix(request, gateway, await _ready(gateway, space_id, viewer))


@router.get(
    "/v1/spaces/{space_id}/tracks/{person_id}.ogg", operation_id="getTrack", response_class=Response,
    responses=_audio(object_names.TRACK_TYPE),
)  # fmt: skip
async def track(
    request: Request, space_id: SpacePath, person_id: PersonPath, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """One speaker's own audio; ranges are served."""
    return await serve_track(request, gateway, await _ready(gateway, space_id, viewer), person_id)

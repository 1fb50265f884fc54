"""Replays as files to be saved: the mix in several forms, and the tracks."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from contracts.recording.v1 import AllowDownloads, ReplayFormQuery
from contracts.replay_forms import FORMS, TRACKS, FormName
from contracts.room.v1 import Space
from contracts.sealed import TITLE_REMOVED, TITLE_UNAVAILABLE
from services.gateway.app import Gateway
from services.gateway.app.access import look_inside
from services.gateway.app.visibility import Viewer
from services.gateway.http.attachments import attachment, file_name
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, LinkViewerDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_COMMAND, responses
from services.gateway.http.stored_audio import serve_form

router = APIRouter(tags=["what was said"])

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_REFUSED: Final = (
    "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "invalid", "replay_unknown",
    "replay_deleted", "not_ready", "too_many_requests", "precondition_failed", "range_not_satisfiable",
)  # fmt: skip
_FormPath = Annotated[FormName, Path(description=f"One of {', '.join(FORMS)}.")]


def _files(*forms: str) -> dict[int | str, dict[str, Any]]:
    content = {"content": {FORMS[form].media_type: _FILE for form in forms}}
    return {
        **responses(*_REFUSED),
        200: {"description": "All of it", **content},
        206: {"description": "The part that was asked for", **content},
        304: {"description": "Unchanged"},
    }


@router.get(
    "/v1/spaces/{space_id}/downloads/mix.{form}", operation_id="downloadMix", response_class=Response,
    responses=_files(*FORMS),
)  # fmt: skip
async def mix(
    request: Request, space_id: SpacePath, form: _FormPath, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """The mix as a file, where the host lets the asker have it; ranges are served.

    A file is made when it is first asked for. Until it is there the answer is 409, `not_ready`: ask again.
    """
    return await _download(request, gateway, space_id, viewer, form)


@router.get(
    "/v1/spaces/{space_id}/downloads/tracks/{person_id}.opus", operation_id="downloadTrack", response_class=Response,
    responses=_files(TRACKS),
)  # fmt: skip
async def track(
    request: Request, space_id: SpacePath, person_id: PersonPath, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """One speaker's own audio as a file, where the host lets the asker have it; ranges are served."""
    return await _download(request, gateway, space_id, viewer, TRACKS, person_id)


async def _download(
    request: Request, gateway: Gateway, space_id: str, viewer: Viewer, form: str, person_id: str | None = None
) -> Response:
    space = await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = ReplayFormQuery(space_id=space_id, form=form, person_id=person_id, actor=viewer.person_id)
    made = await gateway.ask(query)
    name = file_name(_called(gateway, space, person_id), FORMS[form].extension)
    return await serve_form(request, gateway, made, FORMS[form].media_type, attachment(name))


def _called(gateway: Gateway, space: Space, person_id: str | None) -> str:
    """What the Space is called, when it was, and who speaks."""
    title = "" if space.settings.title in (TITLE_REMOVED, TITLE_UNAVAILABLE) else space.settings.title
    day = "" if space.started_at is None else f"{space.started_at:%Y-%m-%d}"
    people = {member.person.id: member.person.name for member in space.stage}
    speaker = "" if person_id is None else people.get(person_id, person_id)
    return " ".join(part for part in (title or "Space", day, speaker) if part)


@body_of(AllowDownloads, "allowed")
class Allowed(Body):
    """Whether others than the host may download."""


@router.put(
    "/v1/spaces/{space_id}/downloads", status_code=204, operation_id="allowDownloads",
    dependencies=[Depends(json_only)],
    responses=responses(*OF_A_COMMAND, "suspended", "not_host", "replay_unknown"),
)  # fmt: skip
async def allow(space_id: SpacePath, body: Allowed, head: HeadDep, gateway: GatewayDep) -> None:
    """The host lets everybody who may play the replay download it, or keeps that to themselves, as it is at first."""
    await gateway.ask(AllowDownloads(**head.fields, space_id=space_id, **dict(body)))

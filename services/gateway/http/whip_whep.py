"""WHIP (RFC 9725) to speak and WHEP (draft-ietf-wish-whep) to listen."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute

from contracts.envelope import SessionId
from contracts.media.v1 import Direction
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import (
    AnonymousHeadDep,
    CommandHead,
    GatewayDep,
    HeadDep,
    ViewerDep,
    address,
    usual_arguments,
)
from services.gateway.http.entity_tags import strong_tags
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import responses

router = APIRouter(tags=["media"])

PresenceQuery = Annotated[
    SessionId | None, Query(description="The session of `POST sessions` that this connection keeps alive")
]
SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
_LONGEST: Final = 32 * 1024
_MOST_TAGS: Final = 8
"""In one If-Match: each is asked about at the node."""

_ANSWERED: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "description": "The answer",
        "content": {SDP: {"schema": {"type": "string"}}},
        "headers": {
            "Location": {"description": "The connection, for PATCH and DELETE", "schema": {"type": "string"}},
            "ETag": {"description": "The ICE session", "schema": {"type": "string"}},
            "Link": {"description": "ICE servers, where there are any", "schema": {"type": "string"}},
        },
    },
}
_CONNECT: Final = (
    "bad_sdp", "unprocessable_sdp", "not_acceptable", "unauthenticated", "removed", "blocked", "not_allowed",
    "space_unknown", "not_live", "idempotency_conflict", "too_many_requests", "node_full", "session_unknown",
)  # fmt: skip


def _sends(media_type: str) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {media_type: {"schema": {"type": "string", "maxLength": _LONGEST}}},
        }
    }


_MOVED: Final[dict[int | str, dict[str, Any]]] = {
    307: {
        "description": "Another gateway takes new connections (setting `media_redirect`); send the same there. Pages "
        "are not sent elsewhere, since browsers would leave the token out.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}


def _acceptable(request: Request, media_type: str) -> None:
    """Whether the client takes our answer at all (RFC 9110, section 12.5.1). Refuses: not_acceptable."""
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"
    if accepted == "*/*":
        return
    # The range that says most about our type counts, wherever it stands.
    ranges = ("*/*", "application/*", media_type)
    said: dict[str, bool] = {}
    for item in accepted.split(","):
        kind, _, parameters = item.partition(";")
        kind = kind.strip().lower()
        refused = re.search(r"(?:^|;)\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", parameters) is not None
        if kind in ranges:
            said[kind] = said.get(kind, False) or not refused
    if not said or not said[max(said, key=ranges.index)]:
        raise Refusal("not_acceptable", f"The answer is {media_type}.")


async def _text(request: Request, media_type: str) -> str:
    """The body of the one media type that is taken. Refuses: unsupported_media_type, too_large, bad_sdp."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != media_type:
        raise Refusal("unsupported_media_type", f"Send {media_type}.")
    body = await request.body()
    if len(body) > _LONGEST:
        raise Refusal("too_large", f"At most {_LONGEST} bytes.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refusal("bad_sdp", "The body is not text.") from None
    if not text.strip() or "\0" in text:
        raise Refusal("bad_sdp", "The body holds no description.")
    return text


async def _connect(
    request: Request,
    gateway: Gateway,
    space_id: str,
    viewer: Viewer,
    direction: Direction,
    head: CommandHead,
    presence: str | None,
) -> Response:
    # A browser drops the token where it follows a redirect to another origin (Fetch, HTTP-redirect fetch).
    if gateway.media.redirect is not None and "origin" not in request.headers:
        query = f"?{request.url.query}" if request.url.query else ""
        # The method and the body stay what they are (RFC 9110, section 15.4.8).
        return Response(status_code=307, headers={"Location": f"{gateway.media.redirect}{request.url.path}{query}"})
    _acceptable(request, SDP)
    offer = await _text(request, SDP)
    if not offer.lstrip().startswith("v="):
        raise Refusal("bad_sdp", "This is no session description: it does not begin with v=0.")
    if presence is not None:
        presence = gateway.sessions.known_as(presence, space_id, viewer.person_id)
    resource, answer = await gateway.media.connect(
        space_id,
        viewer,
        direction,
        offer,
        command_id=head.command_id,
        session_id=head.new(f"media {direction} {space_id}"),
        repeatable=head.repeatable,
        presence=presence,
        client_address=None if request.client is None else address(request),
    )
    headers = {
        "Location": f"/v1/media/{resource}",
        "ETag": f'"{answer.etag}"',
        "Accept-Patch": FRAGMENT,
    }
    response = Response(answer.sdp, 201, headers, SDP)
    for link in gateway.media.turn.links(viewer.person_id):
        response.headers.append("Link", link)
    return response


@router.post(
    "/v1/spaces/{space_id}/whip", operation_id="whip", status_code=201, response_class=Response,
    responses={**responses(*_CONNECT, "not_on_stage"), **_ANSWERED, **_MOVED}, openapi_extra=_sends(SDP),
)  # fmt: skip
async def whip(
    request: Request,
    space_id: SpacePath,
    viewer: ViewerDep,
    head: HeadDep,
    gateway: GatewayDep,
    session: PresenceQuery = None,
) -> Response:
    """Speak: offer one audio track."""
    return await _connect(request, gateway, space_id, viewer, "publish", head, session)


class _Crowded(APIRoute):
    """A route that a crowd takes at once: what its requests usually look like does not go FastAPI's long way.

    Its endpoint takes what `usual_arguments` gives.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        any_request = super().get_route_handler()

        async def handle(request: Request) -> Response:
            arguments = await usual_arguments(request)
            if arguments is None:
                return await any_request(request)
            response: Response = await self.endpoint(**arguments)
            return response

        return handle


async def whep(
    request: Request,
    space_id: SpacePath,
    viewer: ViewerDep,
    head: AnonymousHeadDep,
    gateway: GatewayDep,
    session: PresenceQuery = None,
) -> Response:
    """Listen: offer one to three audio tracks to receive; anonymously without a token."""
    return await _connect(request, gateway, space_id, viewer, "subscribe", head, session)


router.add_api_route(
    "/v1/spaces/{space_id}/whep", whep, methods=["POST"], operation_id="whep", status_code=201, response_class=Response,
    responses={**responses(*_CONNECT), **_ANSWERED, **_MOVED}, openapi_extra=_sends(SDP),
    route_class_override=_Crowded,
)  # fmt: skip


_OPTIONS: Final[dict[int | str, dict[str, Any]]] = {
    **responses("unauthenticated"),
    204: {
        "description": "What is taken here",
        "headers": {"Accept-Post": {"schema": {"type": "string"}}, "Allow": {"schema": {"type": "string"}}},
    },
}


@router.options(
    "/v1/spaces/{space_id}/whip", operation_id="whipOptions", status_code=204, response_class=Response,
    responses=_OPTIONS,
)  # fmt: skip
async def whip_options(space_id: str, viewer: ViewerDep, gateway: GatewayDep) -> Response:
    """What WHIP takes."""
    return _taken("POST, OPTIONS", {"Accept-Post": SDP}, viewer, gateway)


@router.options(
    "/v1/spaces/{space_id}/whep", operation_id="whepOptions", status_code=204, response_class=Response,
    responses=_OPTIONS,
)  # fmt: skip
async def whep_options(space_id: str, viewer: ViewerDep, gateway: GatewayDep) -> Response:
    """What WHEP takes."""
    return _taken("POST, OPTIONS", {"Accept-Post": SDP}, viewer, gateway)


@router.options(
    "/v1/media/{resource_id}", operation_id="mediaOptions", status_code=204, response_class=Response,
    responses=_OPTIONS,
)  # fmt: skip
async def media_options(resource_id: str, viewer: ViewerDep, gateway: GatewayDep) -> Response:
    """What a connection takes."""
    return _taken("PATCH, DELETE, OPTIONS", {"Accept-Patch": FRAGMENT}, viewer, gateway)


def _taken(allow: str, accept: dict[str, str], viewer: Viewer, gateway: Gateway) -> Response:
    """TURN credentials are for those who signed in: whoever else asks before an offer would relay at our cost."""
    response = Response(status_code=204, headers={"Allow": allow, **accept})
    for link in gateway.media.turn.links(viewer.person_id) if viewer.person_id else ():
        response.headers.append("Link", link)
    return response


ResourcePath = Annotated[str, Path(max_length=200, description="As in the Location of the answer")]
_RESOURCE: Final = ("unauthenticated", "not_yours", "session_unknown", "too_many_requests", "invalid")


_RESTARTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Our side of the new ICE session",
        "content": {FRAGMENT: {"schema": {"type": "string"}}},
        "headers": {"ETag": {"description": "The new ICE session", "schema": {"type": "string"}}},
    }
}


@router.patch(
    "/v1/media/{resource_id}", operation_id="trickle", status_code=204, response_class=Response,
    responses=responses(
        *_RESOURCE, "bad_request", "bad_sdp", "not_acceptable", "precondition_failed", "precondition_required",
        "unsupported_media_type",
    ) | _RESTARTED,
    openapi_extra=_sends(FRAGMENT),
)  # fmt: skip
async def trickle(
    request: Request,
    resource_id: ResourcePath,
    viewer: ViewerDep,
    head: AnonymousHeadDep,
    gateway: GatewayDep,
    if_match: Annotated[str | None, Header(max_length=1000, description="The ICE session's ETag, or *")] = None,
) -> Response:
    """Trickle ICE candidates (RFC 8840) into the ICE session named by `If-Match`, or begin another with `*`."""
    fragment = await _text(request, FRAGMENT)
    if if_match is None:
        raise Refusal("precondition_required", "Say If-Match: the ICE session's ETag, or * to begin another one.")
    conditions = request.headers.getlist("if-match")
    # RFC 9725 (section 4.3.3) names the value * as RFC 9110 does, and puts quotes around it in its example.
    if [condition.strip() for condition in conditions] in (["*"], ['"*"']):
        _acceptable(request, FRAGMENT)
        restarted = await gateway.media.restart(resource_id, viewer, fragment, command_id=head.command_id)
        headers = {"ETag": f'"{restarted.etag}"'}
        return Response(restarted.fragment, 200, media_type=FRAGMENT, headers=headers)
    tags = strong_tags(conditions)
    if not tags:
        raise Refusal("precondition_failed", "If-Match holds no entity tag that could match.")
    if len(tags) > _MOST_TAGS:
        raise Refusal("bad_request", f"If-Match holds more than {_MOST_TAGS} entity tags.")
    await gateway.media.trickle(resource_id, viewer, fragment, tags, command_id=head.command_id)
    return Response(status_code=204)


@router.delete("/v1/media/{resource_id}", operation_id="hangUp", responses=responses(*_RESOURCE))
async def hang_up(resource_id: ResourcePath, viewer: ViewerDep, head: AnonymousHeadDep, gateway: GatewayDep) -> None:
    """Close a connection."""
    await gateway.media.disconnect(resource_id, viewer, command_id=head.command_id)

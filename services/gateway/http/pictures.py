"""Pictures of people."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from contracts import object_names
from contracts.people.v1 import ChangePicture, Person, PictureSize, RemovePicture
from contracts.pictures import MEDIA_TYPE, PictureId, picture_in
from libs.refusal import Refusal
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.conditions import kept, unmet
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_PEOPLE_COMMAND, responses

router = APIRouter(tags=["people"])

_TYPES: Final = ("image/jpeg", "image/png", "image/webp")
_CHANGE: Final = (*OF_A_PEOPLE_COMMAND, "changed_too_often")
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES},
    }
}
_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    **responses("picture_unknown", "precondition_failed", "invalid"),
    200: {"description": "The picture", "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Unchanged"},
}


@router.put(
    "/v1/me/picture", operation_id="changePicture", openapi_extra=_UPLOAD,
    responses=responses(*_CHANGE, "too_large", "unsupported_media_type"),
)  # fmt: skip
async def change(request: Request, head: HeadDep, gateway: GatewayDep) -> Person:
    """Upload one's picture: JPEG, PNG or WebP, 2 MB at most. Its middle is kept as a square, and nothing of the file
    besides, such as where a photo was taken. Others see it everywhere at once."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in _TYPES:
        raise Refusal("unsupported_media_type", f"Send one of {', '.join(_TYPES)}.")
    sizes = await gateway.pictures.make(await request.body())
    command = ChangePicture(
        **head.fields,
        picture_id=head.new("picture"),
        sizes=tuple(PictureSize(side=side, data=data) for side, data in sizes.items()),
    )
    return await _told(gateway, await gateway.ask(command))


@router.delete(
    "/v1/me/picture", operation_id="removePicture", dependencies=[Depends(json_only)], responses=responses(*_CHANGE)
)
async def remove(head: HeadDep, gateway: GatewayDep) -> Person:
    """Have no picture any more; again is fine."""
    return await _told(gateway, await gateway.ask(RemovePicture(**head.fields)))


async def _told(gateway: GatewayDep, person: Person) -> Person:
    """The person, once this gateway serves the picture that they have now."""
    await gateway.faces.until(person.id, person.picture)
    return person


@router.get(
    "/v1/people/{person_id}/picture", operation_id="getPicture", response_class=Response, responses=_PICTURE,
)  # fmt: skip
async def picture(
    request: Request,
    person_id: PersonPath,
    gateway: GatewayDep,
    size: Annotated[Literal["128", "512"], Query(description="Pixels of width and height.")] = "512",
    v: Annotated[PictureId | None, Query(description="Changes with the picture; the newest is served anyway.")] = None,
) -> Response:
    """Somebody's picture, as WebP. Whoever knows its address may have it."""
    address = None if person_id in gateway.erased else gateway.faces.of(person_id)
    if address is None:
        raise Refusal("picture_unknown", "There is no picture of this person.")
    id = picture_in(address)
    headers = {
        "ETag": f'"{id}-{size}"',
        # Not for long: one that was taken away is to be gone.
        "Cache-Control": "private, max-age=60" if v in (None, id) else "no-store",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    match unmet(request.headers, headers["ETag"], None):
        case 304:
            return Response(status_code=304, headers=kept(headers))
        case 412:
            raise Refusal("precondition_failed", "This picture is another one than If-Match says.")
    data = await gateway.faces.read(object_names.picture(person_id, id, int(size)))
    return Response(data, 200, headers, MEDIA_TYPE)

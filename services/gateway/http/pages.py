"""The web client: static files, and one document for every address of its own. And the API, to be read at `/docs`."""

from __future__ import annotations

from datetime import UTC, datetime
from os import PathLike, stat_result
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from contracts.reasons import status_of
from libs.bus import Unavailable
from libs.ids import is_id
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import GatewayDep
from services.gateway.http.conditions import kept, unmet
from services.gateway.http.stored_audio import beyond, wanted_part

PAGE: Final = Path(__file__).parents[1] / "page"
API_DOCS: Final = Path(__file__).parents[1] / "api_docs"

router = APIRouter(include_in_schema=False)


class _Files(StaticFiles):
    """Files that a browser keeps, and asks each time whether they have changed."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = FileResponse(full_path, status_code, {"cache-control": "no-cache"}, stat_result=stat_result)
        headers = Headers(scope=scope)
        changed_at = datetime.fromtimestamp(stat_result.st_mtime, UTC)
        match unmet(headers, response.headers["etag"], changed_at):
            case 304:
                return Response(status_code=304, headers=kept(response.headers))
            case 412:
                raise Refusal("precondition_failed", "This file is another one than If-Match or the time says.")
        part = wanted_part(headers, response.headers["etag"], changed_at, stat_result.st_size)
        if part == "none":
            return beyond(stat_result.st_size, scope["path"])
        # Starlette judges ranges otherwise than we do: it is told the one that is meant, or none.
        scope["headers"] = [header for header in scope["headers"] if header[0] not in (b"range", b"if-range")]
        if part is not None:
            scope["headers"].append((b"range", b"bytes=%d-%d" % (part[0], part[1] - 1)))
        return response


class _ApiDocs(_Files):
    """Swagger UI. It writes markup that it has made itself, so it cannot keep to trusted types."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["content-security-policy"] = _OF_API_DOCS
        return response


_OF_API_DOCS: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # its style sheet carries its icons
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_files: Final = _Files(directory=PAGE, check_dir=False)
_api_docs: Final = _ApiDocs(directory=API_DOCS, check_dir=False)


@router.get("/")
@router.get("/moderation")
async def index(request: Request) -> Response:
    """The client's one document; it reads its own address."""
    return await _files.get_response("index.html", request.scope)


@router.get("/spaces/{space_id}")
async def space(request: Request, gateway: GatewayDep, space_id: str) -> Response:
    """The same document for a Space's address; with 404 where there is no such Space, and 410 where it was deleted."""
    if (status := await _lacks(gateway, space_id)) is not None:
        document = (PAGE / "index.html").read_bytes()
        return Response(document, status, {"cache-control": "no-cache"}, "text/html; charset=utf-8")
    return await _files.get_response("index.html", request.scope)


async def _lacks(gateway: Gateway, space_id: str) -> int | None:
    """The status that says that there is no Space with this id; None where there is one, for all one can find out
    now."""
    if not is_id(space_id):
        return 404
    try:
        await look(gateway.bus, space_id, Viewer(), gateway.ask_seconds)
    except Refusal as no:
        return status_of(no.reason) if no.reason in ("space_unknown", "space_deleted") else None
    except Unavailable:
        return None
    return None


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """For browsers that ask without being told."""
    return await _files.get_response("icon.svg", request.scope)


@router.get("/docs")
@router.get("/docs/")
async def api_docs(request: Request) -> Response:
    """The description of the HTTP interface, to be read and tried."""
    return await _api_docs.get_response("index.html", request.scope)


@router.get("/worker.js")
async def worker(request: Request) -> Response:
    """What shows notices while no page is open: a browser lets it do so for addresses below its own."""
    return await _files.get_response("worker.js", request.scope)


def mount(app: FastAPI) -> None:
    """Serve the client's files under /static/, and those that show the API under /docs/."""
    app.mount("/static", _files, name="static")
    app.mount("/docs", _api_docs, name="docs")

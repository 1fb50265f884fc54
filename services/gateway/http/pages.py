"""The web client: static files, and one document for every address of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE: Final = Path(__file__).parents[1] / "page"

router = APIRouter(include_in_schema=False)


@router.head("/")
@router.get("/")
@router.head("/moderation")
@router.get("/moderation")
@router.head("/spaces/{space_id}")
@router.get("/spaces/{space_id}")
async def index(space_id: str | None = None) -> FileResponse:
    """The client's one document; it reads its own address."""
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


@router.get("/favicon.ico")
async def icon() -> FileResponse:
    """For browsers that ask without being told."""
    return FileResponse(PAGE / "icon.svg", media_type="image/svg+xml")


class _Files(StaticFiles):
    """Files that a browser keeps, and asks each time whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.setdefault("cache-control", "no-cache")
        return response


def mount(app: FastAPI) -> None:
    """Serve the client's files under /static/."""
    app.mount("/static", _Files(directory=PAGE, check_dir=False), name="static")

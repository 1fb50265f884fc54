"""The HTTP interface: `build` makes the app, `openapi` its description without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from services.gateway.app import Gateway
from services.gateway.http import (
    events,
    live,
    media,
    moderation,
    ops,
    pages,
    people,
    people_on_stage,
    problems,
    reminders,
    replays,
    safety,
    spaces,
    stage,
    standing,
    tips,
    x_spaces,
)
from services.gateway.http.border import Border

VERSION: Final = "1"
_ROUTERS: Final = (
    media, people, standing, spaces, stage, people_on_stage, moderation, reminders, tips, events, live, replays,
    safety, x_spaces, ops, pages,
)  # fmt: skip
"""In the order in which they are looked through: when a crowd joins, most requests are for the first."""


def _app() -> FastAPI:
    app = FastAPI(
        title="Rostrum",
        version=VERSION,
        summary="Live audio rooms: a few people talk on stage, any number listens.",
        description=(
            "Errors are problem documents (RFC 9457) whose `reason` is stable. Every command takes an "
            "`Idempotency-Key`: sent twice by one person, it happens once."
        ),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    for module in _ROUTERS:
        # Included as routers, each would be looked through twice for every request.
        app.router.routes.extend(module.router.routes)
    pages.mount(app)
    app.state.routes = [route for module in _ROUTERS for route in module.router.routes if isinstance(route, APIRoute)]
    return app


def build(gateway: Gateway, cors_origins: Sequence[str] = ()) -> ASGIApp:
    """The app of a running gateway; pages of `cors_origins` may use it from a browser."""
    app = _app()
    app.state.gateway = gateway
    app.state.origins = frozenset(cors_origins)
    app.add_api_route("/v1/openapi.json", openapi, methods=["GET"], include_in_schema=False)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "Range"],
            expose_headers=["Location", "ETag", "Link", "Accept-Patch", "Retry-After", "Content-Range"],
            max_age=600,
        )
    return Border(app)


def openapi() -> dict[str, Any]:
    """The OpenAPI description of the whole interface."""
    document = _app().openapi()
    for path in document["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                operation["responses"] = problems.described(*problems.OF_A_BODY) | operation["responses"]
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    # FastAPI describes errors with the media type of the good answer.
                    response["content"] = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document

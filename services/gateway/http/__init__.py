"""The HTTP interface: `build` makes the app, `openapi` its description without running anything."""

from __future__ import annotations

import json
from copy import copy
from functools import cache
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from services.gateway.app import Gateway
from services.gateway.http import (
    analytics,
    appeals,
    chapters,
    downloads,
    erasing,
    evidence,
    examples,
    export,
    health,
    hls,
    hosting,
    identity,
    links,
    live_bar,
    live_events,
    live_socket,
    moderation_log,
    operators,
    pages,
    passing_over,
    people,
    pictures,
    pins,
    podcasts,
    problems,
    push,
    reactions,
    relations,
    reminders,
    removals,
    replays,
    reports,
    safety_copies,
    sanctions,
    server_events,
    server_people,
    server_relations,
    server_webhooks,
    sessions,
    sign_up,
    space_settings,
    spaces,
    speak_requests,
    stage,
    stage_invitations,
    tips,
    tokens,
    transcripts,
    whip_whep,
    x_spaces,
)
from services.gateway.http.cors import Cors, Origins, as_sent
from services.gateway.http.middleware import CutOff, OpenRequests, RequestMiddleware
from services.gateway.http.to_https import HSTS
from services.gateway.http.unknown_parameters import strict

VERSION: Final = "1"
_ROUTERS: Final = (
    whip_whep, sign_up, identity, people, pictures, relations, hosting, sessions, spaces, space_settings, live_bar,
    stage, speak_requests, stage_invitations, removals, pins, reactions, reports, evidence, appeals, sanctions,
    erasing, export, tokens, moderation_log, reminders, push, tips, live_events, live_socket, analytics, replays,
    downloads, chapters, podcasts, transcripts, links, safety_copies, server_events, server_people, server_relations,
    server_webhooks, hls, x_spaces, operators, passing_over, health, pages,
)  # fmt: skip
"""In the order in which they are looked through: when a crowd joins, most requests are for the first."""


def _app() -> FastAPI:
    app = FastAPI(
        title="Rostrum",
        version=VERSION,
        summary="Live audio rooms: a few people talk on stage, any number listens.",
        description=(
            "Errors are problem documents (RFC 9457) whose `reason` is stable. Every command takes an "
            "`Idempotency-Key`: sent twice by one person, it happens once. `HEAD` works wherever `GET` does."
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


def build(
    gateway: Gateway,
    origins: Origins | None = None,
    per_address: int | None = None,
    public_url: str | None = None,
    *,
    https_only: bool = False,
) -> ASGIApp:
    """The app of a running gateway; pages of `origins` may use it from a browser.

    `per_address`: requests of one address at once. `public_url` is the origin of its own page; without it, that page
    is on a loopback address. `https_only` tells browsers to come by https from now on.
    """
    app = _app()
    app.state.gateway = gateway
    app.state.origins = origins = origins or Origins(())
    app.state.public_url = None if public_url is None else as_sent(public_url)
    app.add_api_route("/v1/openapi.json", _description, methods=["GET"], include_in_schema=False)
    app.router.routes[:] = [_with_head(strict(route)) for route in app.router.routes]
    answering = CutOff(app)
    bounded: ASGIApp = answering if per_address is None else OpenRequests(answering, per_address)
    more = [(b"strict-transport-security", HSTS.encode())] if https_only else []
    return RequestMiddleware(Cors(bounded, origins) if origins else bounded, more=more)


def _with_head(route: BaseRoute) -> BaseRoute:
    """The same route, which takes HEAD wherever it takes GET (RFC 9110, section 9.3.2). The server sends no body then.

    A copy: the routes of a module are those of every app, and in the OpenAPI document HEAD is not told again.
    """
    if not isinstance(route, APIRoute) or "GET" not in (methods := route.methods or set()):
        return route
    changed = copy(route)
    changed.methods = methods | {"HEAD"}
    return changed


def _description() -> Response:
    """The OpenAPI description. Made at its first use, since that takes a second."""
    return Response(_written(), media_type="application/json")


@cache
def _written() -> bytes:
    return json.dumps(openapi(), ensure_ascii=False, separators=(",", ":")).encode()


def openapi() -> dict[str, Any]:
    """The OpenAPI description of the whole interface."""
    document = _app().openapi()
    for address, path in document["paths"].items():
        for operation in path.values():
            if address.startswith("/v1/"):  # a query parameter that is none
                operation["responses"] = problems.described("invalid") | operation["responses"]
            if "requestBody" in operation:
                operation["responses"] = problems.described(*problems.OF_A_BODY) | operation["responses"]
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    # FastAPI describes errors with the media type of the good answer.
                    response["content"] = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    named = document["components"]["schemas"] | problems.schemas()
    unused = ("HTTPValidationError", "ValidationError")
    document["components"]["schemas"] = {name: named[name] for name in sorted(named) if name not in unused}
    examples.add(document)
    return document

"""Errors as X API v2 tells them: problem documents, and in good answers what is not there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from contracts.reasons import status_of
from libs.bus import Unavailable
from libs.rate_limit import Quota, Window
from libs.refusal import Refusal
from services.gateway.http.caller import GatewayDep, PersonDep
from services.gateway.http.problems import MEDIA_TYPE, Problem
from services.gateway.http.x_spaces.models import XError

_PROBLEMS: Final = "https://api.twitter.com/2/problems"


class Invalid(Exception):
    """A parameter is wrong: a 400 that says which and how."""

    def __init__(self, parameter: str, values: Iterable[str], message: str) -> None:
        super().__init__(message)
        self.error = {"parameters": {parameter: list(values)}, "message": message}


async def counted(request: Request, gateway: GatewayDep, person_id: PersonDep) -> None:
    """Count a lookup of a person; every answer to them tells what is left. Refuses: too_many_requests."""
    window = gateway.limits.lookups.take(person_id, request.scope["route"].path)
    request.state.window = window
    left = max(0, window.reset - int(time.time()))
    quota = Quota("lookups", window.limit, math.ceil(gateway.limits.lookups.seconds), window.remaining, left)
    request.scope.setdefault("quotas", []).append(quota)
    if not window.allowed:
        raise Refusal("too_many_requests", "Those were all for now; x-rate-limit-reset says when there are more.")


class Route(APIRoute):
    """Tells of every error as X API v2 does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                response = await handle(request)
            except Invalid as wrong:
                response = _bad_request(request, [wrong.error])
            except RequestValidationError as wrong:
                response = _bad_request(request, [_wrong(one) for one in wrong.errors()[:20]])
            except Refusal as no:
                if no.reason == "invalid":
                    response = _bad_request(request, [{"parameters": {}, "message": no.detail}])
                else:
                    response = _problem(request, status_of(no.reason), no.reason)
            except Unavailable:
                response = _problem(request, 503, "unavailable")
            response.headers["cache-control"] = "no-store"
            window: Window | None = getattr(request.state, "window", None)
            if window is not None:
                response.headers["x-rate-limit-limit"] = str(window.limit)
                response.headers["x-rate-limit-remaining"] = str(window.remaining)
                response.headers["x-rate-limit-reset"] = str(window.reset)
                if response.status_code == 429:
                    response.headers["Retry-After"] = str(max(1, window.reset - int(time.time())))
            return response

        return told


def _bad_request(request: Request, errors: list[dict[str, Any]]) -> Response:
    detail = "One or more parameters to your request was invalid."
    return _problem(
        request, 400, "bad_request", title="Invalid Request", detail=detail, type="invalid-request", errors=errors
    )


def _wrong(error: Mapping[str, Any]) -> dict[str, Any]:
    name = str(error["loc"][-1])
    value = str(error.get("input") or "")[:200]
    return {"parameters": {name: [value]}, "message": f"The `{name}` query parameter value [{value}] is not valid"}


def _problem(
    request: Request,
    status: int,
    reason: str,
    *,
    title: str = "",
    detail: str = "",
    type: str = "",
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    phrase = HTTPStatus(status).phrase
    document = Problem(
        type=f"{_PROBLEMS}/{type}" if type else "about:blank",
        title=title or phrase,
        status=status,
        detail=detail or phrase,
        reason=reason,
        instance=request.url.path,
    ).model_dump(exclude_none=True)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="rostrum"'
    if status in (429, 503):
        headers["Retry-After"] = "1"
    body = document if errors is None else {"errors": errors, **document}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def missing(kind: str, parameter: str, value: str) -> XError:
    return XError(
        title="Not Found Error",
        type=f"{_PROBLEMS}/resource-not-found",
        detail=f"Could not find {kind} with {parameter}: [{value}].",
        resource_type=kind,
        resource_id=value,
        parameter=parameter,
        value=value,
    )

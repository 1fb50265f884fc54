"""Every error as a problem document (RFC 9457), and how the OpenAPI document tells of them."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ValidationException, WebSocketRequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from contracts.reasons import STATUS, status_of
from libs.bus import Unavailable
from libs.rate_limit import QuotaSpent
from libs.refusal import Refusal
from libs.telemetry import trace_id
from services.gateway.app.identity import KeysMissing

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_REASON_OF: Final = {
    400: "bad_request", 401: "unauthenticated", 403: "not_allowed", 404: "not_found", 405: "method_not_allowed",
    406: "not_acceptable", 413: "too_large", 415: "unsupported_media_type", 422: "invalid", 429: "too_many_requests",
    500: "internal", 503: "unavailable",
}  # fmt: skip
ALWAYS: Final = (500, 503)
"""What any route may answer."""
OF_A_BODY: Final = ("bad_request", "too_large", "unsupported_media_type", "invalid")
"""Why any route with a body may refuse it."""
OF_A_COMMAND: Final = ("unauthenticated", "idempotency_conflict", "invalid", "too_many_requests")
"""Why any command may be refused."""
OF_A_SPACE_COMMAND: Final = (*OF_A_COMMAND, "space_unknown")
"""Why any command about a Space may be refused."""
OF_A_PEOPLE_COMMAND: Final = (*OF_A_COMMAND, "suspended", "person_unknown")
"""Why any command to people may be refused."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str
    """Path into the request, e.g. `body.title`."""
    what: str


class Problem(BaseModel):
    """A problem document (RFC 9457). `reason` is stable and meant for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    instance: str
    trace_id: str | None = None
    faults: list[Fault] | None = None


def problem(
    reason: str,
    detail: str,
    *,
    instance: str,
    status: int | None = None,
    faults: list[Fault] | None = None,
    retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The response that tells of one problem. `retry_after` is in seconds; a 429 or 503 always has one."""
    code = status_of(reason) if status is None else status
    document = Problem(
        type=f"urn:rostrum:problem:{reason}",
        title=HTTPStatus(code).phrase,
        status=code,
        detail=detail,
        reason=reason,
        instance=instance,
        trace_id=trace_id(),
        faults=faults,
    )
    all_headers = dict(headers or {})
    if retry_after is None and code in (429, 503):
        retry_after = 1
    if retry_after is not None:
        all_headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if code == 401:
        all_headers["WWW-Authenticate"] = 'Bearer realm="rostrum"'
    body = document.model_dump_json(exclude_none=True)
    return Response(body, code, headers=all_headers, media_type=MEDIA_TYPE)


def responses(*reasons: str, standing: bool = True) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for FastAPI; those of any body are added to the document by themselves.

    Whoever proves who they are may be suspended, but on the few routes without `standing`.
    """
    if "space_unknown" in reasons:
        reasons = (*reasons, "space_deleted")
    if standing and "unauthenticated" in reasons:
        reasons = (*reasons, "suspended")
    described_ = described(*reasons, *(_REASON_OF[status] for status in ALWAYS))
    return {int(status): response for status, response in described_.items()}


def described(*reasons: str) -> dict[str, dict[str, Any]]:
    """Responses by status, each naming the reasons it may have."""
    known: dict[int, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        known.setdefault(STATUS[reason], []).append(reason)
    return {
        str(status): {"description": f"{HTTPStatus(status).phrase}: {', '.join(names)}"}
        for status, names in sorted(known.items())
    }


def schemas() -> dict[str, Any]:
    """What the OpenAPI document says of a problem, by the name of each schema.

    Routes do not tell FastAPI: it would make this anew for each error of each route, for half of the time that the
    gateway takes to start.
    """
    schema = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    named = {**schema.pop("$defs"), "Problem": schema}
    return dict(jsonable_encoder(named, exclude_none=True))  # as FastAPI writes all others


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(WebSocketRequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    wait = (
        error.retry_after
        if isinstance(error, QuotaSpent | KeysMissing)
        else 1.0
        if error.reason == "too_many_requests"
        else None
    )
    faults = None if error.field is None else [Fault(where=f"body.{error.field}", what=error.detail)]
    return problem(error.reason, error.detail, instance=request.url.path, retry_after=wait, faults=faults)


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.warning("a part of the system is away", extra={"why": str(error), "path": request.url.path})
    detail = "A part of the system is away for a moment; try again."
    return problem("unavailable", detail, instance=request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationException)
    unknown = {"space_id", "person_id", "session_id", "tip_id", "report_id", "entry_id", "caption_id"}
    for one in error.errors():
        if one["loc"][0] == "path" and one["loc"][-1] in unknown:
            # What cannot be the id of anything is the id of nothing that is here.
            what = str(one["loc"][-1]).removesuffix("_id")
            return problem(f"{what}_unknown", f"There is no such {what}.", instance=request.url.path)
    faults = [
        Fault(where=".".join(str(part) for part in one["loc"])[:200], what=_what(one["msg"]))
        for one in error.errors()[:20]
    ]
    first = faults[0] if faults else Fault(where="request", what="is not valid")
    detail = f"{first.where}: {first.what}"
    return problem("invalid", detail, instance=request.url.path, status=422, faults=faults)


def _what(message: object) -> str:
    return str(message).removeprefix("Value error, ")[:300]


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = _REASON_OF.get(error.status_code, "bad_request")
    details = {
        404: "There is nothing at this address.",
        405: f"{request.method} is not possible here.",
    }
    detail = details.get(error.status_code, str(error.detail))
    headers = dict(error.headers) if error.headers else {}
    if error.status_code == 405:
        # The router knows the methods of the first route only that has this path.
        routes = cast(Sequence[APIRoute], request.app.state.routes)
        allowed = {m for route in routes if route.path_regex.match(request.url.path) for m in route.methods or ()}
        if not allowed or "GET" in allowed:  # where no route is, there are files
            allowed |= {"GET", "HEAD"}
        headers["Allow"] = ", ".join(sorted(allowed))
    return problem(reason, detail, instance=request.url.path, status=error.status_code, headers=headers)


async def unexpected(request: Request, error: Exception) -> Response:
    """A bug of ours: logged with the trace id, told without its insides."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = f"Something went wrong on our side (trace {trace_id() or 'unknown'})."
    return problem("internal", detail, instance=request.url.path)

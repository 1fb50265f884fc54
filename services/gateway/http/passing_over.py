"""Events that their readers cannot read, and passing over one of them: by the API, and by the form on `/ops`."""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from contracts.people.v1 import PassOverEvent
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.adapters.statuses import Status
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import AddressViewerDep, GatewayDep, HeadDep, json_only, operator, spend
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(tags=["operators"])
_FORM: Final = "/ops/pass-over"


@body_of(PassOverEvent, "event_id", "explanation")
class PassedOver(Body):
    """The event that readers go on without, and why, for the log."""


@router.post(
    "/v1/ops/events/pass-over", status_code=204, operation_id="passOverEvent", dependencies=[Depends(json_only)],
    responses=responses(*OF_A_COMMAND, "suspended", "not_allowed"),
)  # fmt: skip
async def pass_over(body: PassedOver, head: HeadDep, gateway: GatewayDep) -> None:
    """Let whoever stands before an event that they cannot read go on without it; the log says so."""
    await gateway.ask(PassOverEvent(**head.fields, **dict(body)))


@router.post(_FORM, include_in_schema=False, dependencies=[Depends(operator)])
async def by_form(request: Request, viewer: AddressViewerDep, gateway: GatewayDep) -> RedirectResponse:
    """The same from the operator's page."""
    # No page elsewhere can send this: its address needs the token, and no cookie stands for it.
    spend(request, gateway.limits.commands, viewer.person_id or "")
    fields: dict[str, Any] = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    try:
        command = PassOverEvent.model_validate(
            {**fields, "command_id": new_id(), "actor": viewer.person_id, "operator": viewer.operator}
        )
    except ValidationError as error:
        raise Refusal("invalid", error.errors(include_url=False)[0]["msg"]) from error
    await gateway.ask(command)
    return RedirectResponse(with_token("/ops", request), status_code=303)


def standing(services: list[Status], request: Request) -> str:
    """A section of the operator's page: who stands before which event, with a form each; empty where nobody does."""
    at: dict[str, list[tuple[str, str, str]]] = {}
    for status in services:
        for one in status.halted:
            at.setdefault(one.event_id, []).append((f"{one.reader} of {status.instance}", one.subject, one.why))
    if not at:
        return ""
    action = escape(with_token(_FORM, request))
    rows = "".join(
        f"<tr><td>{escape(event_id)}<br>{escape(found[0][1])}</td><td>{escape(found[0][2])}</td>"
        f"<td>{'<br>'.join(escape(reader) for reader, _, _ in found)}</td>"
        f"<td><form method=post action='{action}'><input type=hidden name=event_id value='{escape(event_id)}'>"
        "<input name=explanation maxlength=500 required aria-label=why placeholder=why>"
        "<button>Pass over</button></form></td></tr>"
        for event_id, found in sorted(at.items())
    )
    return (
        "<h2>Events that cannot be read</h2><table><tr><th>event<th>what is wrong<th>who stands before it"
        f"<th>go on without it</tr>{rows}</table>"
    )


def with_token(path: str, request: Request, **query: str) -> str:
    """The address of another operators' page, opened as this one was."""
    token = request.query_params.get("access_token")
    query |= {} if token is None else {"access_token": token}
    return f"{path}?{urlencode(query)}" if query else path

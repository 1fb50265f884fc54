"""Signing in where people come from elsewhere, and out: what a browser is sent through, and what the issuer tells."""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from starlette.responses import Response

from contracts.people.v1 import PersonQuery
from libs.addresses import host_in, is_loopback
from libs.identity import TokenRefused
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.identity.oidc import Oidc, SignInFailed
from services.gateway.app.identity.product_tokens import ProductTokens
from services.gateway.app.identity.signing_in import BEGUN_SECONDS, READY_SECONDS
from services.gateway.http.caller import GatewayDep, address, spend
from services.gateway.http.problems import responses
from services.gateway.http.sign_up import SignedUp

router = APIRouter(tags=["people"])

_CALLBACK: Final = "/sign-in/callback"
_READY: Final = "ready"
_STATE: Final = 12
"""Letters of a state by which the cookie of its sign-in is found: several may be under way in a browser."""
_OURS: Final = re.compile(rf"[A-Za-z0-9_-]{{{_STATE}}}")
"""What a state of ours begins with."""


class HowToSignIn(BaseModel):
    """How people prove who they are here."""

    mode: Literal["development", "tokens", "oidc"]
    """`development`: whoever asks gets a token (`POST /v1/people`). `tokens`: by a token of the product that this is a
    part of. `oidc`: at `sign_in`."""
    sign_in: str | None = None
    """Where a browser goes to sign in; `return_to`, a path of this site, is where it comes back."""
    sign_out: str | None = None
    """Where it goes when its token is revoked, to sign out there too."""


@router.get("/v1/identity", operation_id="getIdentity", responses=responses())
async def how(gateway: GatewayDep) -> HowToSignIn:
    """How to sign in."""
    match gateway.identity:
        case Oidc():
            return HowToSignIn(mode="oidc", sign_in="/sign-in", sign_out="/sign-out")
        case ProductTokens():
            return HowToSignIn(mode="tokens")
        case _:
            return HowToSignIn(mode="development")


@router.get("/sign-in", include_in_schema=False)
async def begin(request: Request, gateway: GatewayDep, return_to: str = "/") -> Response:
    """Send the browser to the provider."""
    oidc = _oidc(gateway)
    spend(request, gateway.limits.sessions, address(request))
    try:
        to, begun, cookie = await oidc.begin(return_to, _origin(request) + _CALLBACK)
    except SignInFailed as failed:
        return _failed(failed)
    answer = _sent_to(to)
    _set_cookie(request, answer, begun.state[:_STATE], cookie, BEGUN_SECONDS, "lax")
    return answer


@router.get(_CALLBACK, include_in_schema=False)
async def callback(request: Request, gateway: GatewayDep) -> Response:
    """Take whoever comes back from the provider."""
    oidc = _oidc(gateway)
    spend(request, gateway.limits.sessions, address(request))
    query = dict(request.query_params)
    state = query.get("state", "")[:_STATE]
    try:
        cookie = request.cookies.get(_cookie(request, state), "")
        ready, return_to = await oidc.finish(query, cookie, _origin(request) + _CALLBACK)
    except SignInFailed as failed:
        answer = _failed(failed)
    else:
        answer = _sent_to(f"{return_to}#signed-in")
        _set_cookie(request, answer, _READY, ready, READY_SECONDS, "strict")
    if _OURS.fullmatch(state):
        answer.delete_cookie(_cookie(request, state), secure=_is_secure(request), httponly=True)
    return answer


@router.post(
    "/v1/sign-in/token", operation_id="takeToken",
    responses=responses("unauthenticated", "not_allowed", "not_found", standing=False),
)  # fmt: skip
async def take(request: Request, response: Response, gateway: GatewayDep) -> SignedUp:
    """The token of whoever has just come back from signing in, once, for the page of this site alone."""
    oidc = _oidc(gateway)
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Refusal("not_allowed", "Pages of other sites may not do that.")
    token = oidc.ready(request.cookies.get(_cookie(request, _READY), ""))
    if token is None:
        raise Refusal("unauthenticated", "Nobody has just signed in with this browser.")
    person_id = (await oidc.verify(token)).person_id
    person = await gateway.ask(PersonQuery(person_id=person_id, actor=person_id))
    response.delete_cookie(_cookie(request, _READY), secure=_is_secure(request), httponly=True)
    return SignedUp(person=person, token=token)


@router.get("/sign-out", include_in_schema=False)
async def sign_out(request: Request, gateway: GatewayDep) -> Response:
    """Send the browser to the provider to sign out there too."""
    return _sent_to(await _oidc(gateway).sign_out_at(_origin(request) + "/"))


@router.post("/sign-in/logout", include_in_schema=False)
async def logout(request: Request, gateway: GatewayDep) -> Response:
    """Take a logout token of the issuer (OpenID Connect Back-Channel Logout 1.0)."""
    identity = gateway.identity
    if not isinstance(identity, Oidc | ProductTokens):
        raise Refusal("not_found", "Nobody signs in at an issuer here.")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refusal("unsupported_media_type", "Send application/x-www-form-urlencoded.")
    try:
        sent = parse_qsl((await request.body()).decode("ascii"), max_num_fields=20)
    except ValueError:
        sent = []
    tokens = [value for name, value in sent if name == "logout_token"]
    if len(tokens) != 1:
        raise Refusal("bad_request", "Send one logout_token.")
    try:
        await identity.logout_tokens.take(tokens[0])
    except TokenRefused as no:
        raise Refusal("bad_request", no.detail) from no
    return Response(status_code=200, headers={"cache-control": "no-store"})


def _oidc(gateway: Gateway) -> Oidc:
    if not isinstance(gateway.identity, Oidc):
        raise Refusal("not_found", "Nobody signs in at a provider here.")
    return gateway.identity


def _origin(request: Request) -> str:
    """Where browsers reach this gateway. Refuses: not_allowed, for a name that is not ours."""
    public: str | None = request.app.state.public_url
    if public is not None:
        return public
    host = request.headers.get("host", "")
    if not is_loopback(host_in(host)):
        raise Refusal("not_allowed", "This address is not the one that this gateway is reached at.")
    return f"http://{host}"


def _is_secure(request: Request) -> bool:
    return _origin(request).startswith("https:")


def _cookie(request: Request, name: str) -> str:
    # With that beginning, no other host of the same domain can set it.
    return f"{'__Host-' if _is_secure(request) else ''}rostrum-sign-in-{name}"


def _set_cookie(
    request: Request, answer: Response, name: str, value: str, seconds: int, same_site: Literal["lax", "strict"]
) -> None:
    secure = _is_secure(request)
    answer.set_cookie(
        _cookie(request, name), value, max_age=seconds, secure=secure, httponly=True, samesite=same_site, path="/"
    )


def _sent_to(url: str) -> Response:
    return RedirectResponse(url, 303, {"cache-control": "no-store"})


def _failed(failed: SignInFailed) -> Response:
    return _sent_to(f"{failed.return_to}#sign-in-{quote(failed.why)}")

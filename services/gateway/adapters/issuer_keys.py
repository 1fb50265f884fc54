"""Where an issuer's keys are: a file, an address, or where the issuer says that they are."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from libs.fetch import Fetcher, FetchError, Response
from libs.identity import Fetched, IdentityError, TokenRefused, read_object

_MOST: Final = 256 * 1024
"""Bytes of a key set, or of what an issuer says of itself."""
_WITHIN: Final = 5.0
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})")
DISCOVERY: Final = "/.well-known/openid-configuration"


def of_file(path: Path) -> Callable[[str | None], Awaitable[Fetched]]:
    """Keys in a file, which is read anew each time."""

    async def fetch(tag: str | None) -> Fetched:
        try:
            body = await asyncio.to_thread(_read, path)
        except OSError as error:
            raise IdentityError(f"{path} cannot be read: {error.strerror}") from error
        return Fetched(body)

    return fetch


def of_address(fetcher: Fetcher, url: Callable[[], Awaitable[str]]) -> Callable[[str | None], Awaitable[Fetched]]:
    """Keys at an address; `url` tells it each time."""

    async def fetch(tag: str | None) -> Fetched:
        headers = {"accept": "application/jwk-set+json, application/json"}
        if tag is not None:
            headers["if-none-match"] = tag
        address = await url()
        answer = await fetcher.fetch(address, most=_MOST, within=_WITHIN, headers=headers)
        if answer.status == 304 and tag is not None:
            return Fetched(None, tag, _max_age(answer))
        if answer.status != 200:
            raise FetchError(f"{address} answers {answer.status}")
        return Fetched(answer.body, answer.headers.get("etag"), _max_age(answer))

    return fetch


async def discover(fetcher: Fetcher, issuer: str) -> dict[str, Any]:
    """What an issuer says of itself (OpenID Connect Discovery 1.0). Raises FetchError, IdentityError."""
    url = issuer.rstrip("/") + DISCOVERY
    answer = await fetcher.fetch(url, most=_MOST, within=_WITHIN, headers={"accept": "application/json"})
    if answer.status != 200:
        raise FetchError(f"{url} answers {answer.status}")
    try:
        document = read_object(answer.body)
    except TokenRefused as error:
        raise IdentityError(f"{url} holds no JSON object") from error
    if document.get("issuer") != issuer:
        named = json.dumps(document.get("issuer"))[:200]
        raise IdentityError(f"{url} speaks for the issuer {named}, and not for {issuer}: ROSTRUM_IDENTITY_ISSUER")
    return document


def _max_age(answer: Response) -> float | None:
    found = _MAX_AGE.search(answer.headers.get("cache-control", "").lower())
    return None if found is None else float(found.group(1))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        body = file.read(_MOST + 1)
    if len(body) > _MOST:
        raise OSError(0, f"it has more than {_MOST} bytes")
    return body

"""Whether people can be told apart: the issuer of their tokens, and its keys."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from infra.doctor.findings import Finding, bad, good, worth_knowing
from infra.doctor.situation import Situation
from libs.fetch import Fetcher
from libs.identity import IdentityError
from libs.identity.key_set import read_keys
from services.gateway.adapters import issuer_keys
from services.gateway.adapters.provider import Provider
from services.gateway.settings import GatewaySettings


async def issuer(situation: Situation) -> Finding:
    """The issuer's keys can be had, as the gateway gets them."""
    settings = situation.gateway
    if settings.identity == "development":
        return worth_knowing(
            "development: anybody can be anybody, on this machine only",
            "set ROSTRUM_IDENTITY to tokens or oidc before others use it (docs/identity.md)",
        )
    missing = [name for name, value in _needed(settings).items() if not value]
    if missing:
        return bad(f"{', '.join(missing)} missing", "docs/identity.md says what it is")
    name, where = str(settings.identity_issuer), settings.identity_keys
    hosts = [urlsplit(url).hostname or "" for url in (name, where or "") if "://" in url]
    async with Fetcher(trusted=hosts, http_on_loopback=settings.identity_http_on_loopback) as fetcher:
        provider = Provider(fetcher, name, time.monotonic)
        try:
            if where and "://" not in where:
                fetched = await issuer_keys.of_file(Path(where))(None)
            else:
                at = partial(_always, where) if where else provider.keys_at
                fetched = await issuer_keys.of_address(fetcher, at)(None)
            keys = read_keys(fetched.body or b"")
            if settings.identity == "oidc":
                for endpoint in ("authorization_endpoint", "token_endpoint"):
                    await provider.endpoint(endpoint)
        except (OSError, IdentityError) as error:
            return bad(
                f"{settings.identity}: the keys of {where or name}: {error}",
                "check ROSTRUM_IDENTITY_ISSUER and ROSTRUM_IDENTITY_KEYS, and that this machine reaches the issuer",
            )
    count = len(keys)
    return good(f"{settings.identity}: {name} has {count} {'key' if count == 1 else 'keys'} that we can verify with")


def _needed(settings: GatewaySettings) -> dict[str, str | None]:
    whom = "AUDIENCE" if settings.identity == "tokens" else "CLIENT_ID"
    value = settings.identity_audience if settings.identity == "tokens" else settings.identity_client_id
    return {"ROSTRUM_IDENTITY_ISSUER": settings.identity_issuer, f"ROSTRUM_IDENTITY_{whom}": value}


async def _always(url: str) -> str:
    return url

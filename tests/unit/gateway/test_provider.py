"""What an OpenID provider says of itself."""

from __future__ import annotations

import asyncio
import json

from libs.fetch import Fetcher
from services.gateway.adapters.provider import Provider


async def test_however_many_sign_in_at_once_it_is_asked_once() -> None:
    asked, answers = [], asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(1)
        await answers.wait()
        body = json.dumps({"issuer": issuer, "token_endpoint": f"{issuer}/token"}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Fetcher(trusted=["127.0.0.1"], http_on_loopback=True) as fetcher:
        provider = Provider(fetcher, issuer, lambda: 0.0)
        many = [asyncio.create_task(provider.endpoint("token_endpoint")) for _ in range(20)]
        await asyncio.sleep(0)
        many[0].cancel()
        answers.set()
        found = await asyncio.gather(*many, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert set(found[1:]) == {f"{issuer}/token"}
    assert len(asked) == 1

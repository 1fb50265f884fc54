"""HTTP as crawlers, caches and pages of other origins use it: HEAD, conditions, CORS."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.recording.v1 import Replay, ReplayQuery, ReplayState, Track
from contracts.room import v1 as room
from contracts.room.v1 import Space
from contracts.transcription.v1 import TranscriptDocument, TranscriptDocumentQuery
from libs.ids import new_id
from services.gateway.http import openapi
from services.gateway.http.cors import METHODS, READ, SENT
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT

CHANGED = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT
THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
AUDIO = bytes(range(256)) * 40
FILES = ("/", "/moderation", "/favicon.ico", "/static/app.js", "/static/style.css")
FRIEND = "https://page.example"


def a_replay(gateway: Running, behind: Backend) -> Space:
    """A Space with one."""
    host = a_person("Host")
    space = behind.add(host)
    folder = gateway.var / "recordings" / space.id
    folder.mkdir(parents=True)
    for name in ("mix.m4a", "host.ogg"):
        (folder / name).write_bytes(AUDIO)
        os.utime(folder / name, (CHANGED, CHANGED))
    track = Track(person=host, object=f"{space.id}/host.ogg", offset_seconds=0, seconds=1, bytes=len(AUDIO))

    async def answer(query: ReplayQuery) -> Replay:
        return Replay(space_id=query.space_id, state=ReplayState.READY, mix=f"{space.id}/mix.m4a", tracks=(track,))

    behind.on(ReplayQuery, answer)
    return space


async def test_head_answers_wherever_get_does_and_alike(gateway: Running, behind: Backend) -> None:
    space = a_replay(gateway, behind)
    paths = [path for path, methods in openapi()["paths"].items() if "get" in methods]
    ids = {
        "space_id": space.id,
        "person_id": space.host.id,
        "id": space.id,
        "format": "vtt",
        "form": "m4a",
        "code": "x",
        "number": 0,
    }
    asked = [
        path.format_map(
            ids
            | {
                "report_id": new_id(),
                "tip_id": new_id(),
                "webhook_id": new_id(),
                "piece": "0",
                "subscription_id": "0" * 26,
            }
        )
        for path in paths
    ]
    asked += [
        "/",
        "/moderation",
        f"/spaces/{space.id}",
        "/favicon.ico",
        "/static/app.js",
        "/v1/openapi.json",
        "/nothing",
    ]
    assert {"/healthz", "/readyz", "/metrics", "/v1/spaces", f"/2/spaces/{space.id}"} <= set(asked)
    statuses = set()
    async with gateway.client(space.host.id, operator=True) as client:
        for path in asked:
            async with asyncio.timeout(LIMIT):
                async with client.http.stream("GET", path) as got:
                    whole = got
                head = await client.http.head(path, headers={"range": "bytes=0-0", "if-range": THEN})
            statuses.add(head.status_code)
            assert (head.status_code, head.content) == (whole.status_code, b""), path
            varying = {"date", "transfer-encoding"} | ({"content-length"} if path == "/metrics" else set())
            shown = {name: value for name, value in head.headers.items() if name not in varying}
            for name, value in whole.headers.items():
                if name not in varying and not name.startswith(("x-rate-limit", "ratelimit")):
                    assert shown[name] == value, (path, name)
    assert {200, 404} <= statuses
    assert not {206, 405, 501} & statuses


async def test_what_only_takes_commands_refuses_head_and_says_what_it_takes(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    async with gateway.client(new_id()) as client:
        for path, allow in (
            (f"/v1/spaces/{space.id}/end", "POST"),
            (f"/v1/spaces/{space.id}/whip", "OPTIONS, POST"),
            ("/v1/reports", "POST"),
        ):
            refused = await client.http.head(path)
            assert (refused.status_code, refused.headers["allow"]) == (405, allow)
        for path in ("/v1/spaces", "/healthz", "/static/app.js", "/"):
            refused = await client.http.delete(path)
            assert refused.status_code == 405
            assert {"GET", "HEAD"} <= set(refused.headers["allow"].split(", "))


async def test_conditions_hold_for_every_file(gateway: Running, behind: Backend) -> None:
    space = a_replay(gateway, behind)
    audio = (f"/v1/spaces/{space.id}/replay.m4a", f"/v1/spaces/{space.id}/tracks/{space.host.id}.ogg")
    async with gateway.client() as client:
        for path in (*FILES, *audio):
            whole = await client.http.get(path)
            tag, changed = whole.headers["etag"], whole.headers["last-modified"]
            for conditions, status in (
                ({"if-modified-since": changed}, 304),
                ({"if-modified-since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
                ({"if-modified-since": "now"}, 200),
                ({"if-none-match": f'"x", W/{tag}'}, 304),
                ({"if-none-match": '"x"', "if-modified-since": changed}, 200),
                ({"if-match": '"x"'}, 412),
                ({"if-match": f"W/{tag}"}, 412),
                ({"if-match": f'"x", {tag}'}, 200),
                ({"if-match": "*"}, 200),
                ({"if-match": tag, "if-unmodified-since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
                ({"if-unmodified-since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 412),
                ({"if-unmodified-since": changed}, 200),
                ({"if-match": tag, "if-none-match": tag}, 304),
                ({"range": "bytes=1-3"}, 206),
                ({"range": "bytes=1-3", "if-range": tag}, 206),
                ({"range": "bytes=1-3", "if-range": changed}, 206),
                ({"range": "bytes=1-3", "if-range": '"x"'}, 200),
                ({"range": "bytes=1-3", "if-range": f"W/{tag}"}, 200),
                ({"range": "bytes=1-3", "if-match": '"x"'}, 412),
                ({"range": "bytes=1-3", "if-none-match": tag}, 304),
                ({"range": "lines=1-3"}, 200),
                ({"range": "bytes=a-b"}, 200),
                ({"range": "BYTES=1-3"}, 206),
                ({"range": "bytes=9-3"}, 200),
                ({"range": "bytes=9-3,8-9"}, 200),
                ({"range": "bytes=0-1,4-5"}, 200),
                ({"range": "bytes=9999999-,0-3"}, 200),
                ({"range": "bytes=0-" + "9" * 100}, 200),
                ({"range": "bytes=9999999-"}, 416),
                ({"range": "bytes=9999999-", "if-range": '"x"'}, 200),
            ):
                for method in ("GET", "HEAD"):
                    got = await client.http.request(method, path, headers=conditions)
                    expected = 200 if method == "HEAD" and status in (206, 416) else status
                    assert got.status_code == expected, (method, path, conditions)
                    body = {200: whole.content, 206: whole.content[1:4], 304: b""}.get(got.status_code, got.content)
                    assert got.content == (b"" if method == "HEAD" else body), (path, conditions)
                    if got.status_code == 304:
                        assert got.headers["etag"] == tag
                        assert "no-cache" in got.headers["cache-control"]
                    if got.status_code in (412, 416) and method == "GET":
                        reasons = {412: "precondition_failed", 416: "range_not_satisfiable"}
                        assert got.json()["reason"] == reasons[got.status_code]


async def test_conditions_hold_for_transcripts_which_have_tags_and_no_times(gateway: Running, behind: Backend) -> None:
    async def answer(query: TranscriptDocumentQuery) -> TranscriptDocument:
        return TranscriptDocument(content_type="text/vtt; charset=utf-8", body=f"WEBVTT {said}")

    behind.on(TranscriptDocumentQuery, answer)
    said, path = "tea", f"/v1/spaces/{behind.add(a_person('Host')).id}/transcript.vtt"
    async with gateway.client() as client:
        whole = await client.http.get(path)
        tag = whole.headers["etag"]
        assert (whole.text, "last-modified" in whole.headers) == ("WEBVTT tea", False)
        for conditions, status in (
            ({"if-none-match": tag}, 304),
            ({"if-none-match": f'"x", W/{tag}'}, 304),
            ({"if-none-match": '"x"'}, 200),
            ({"if-match": '"x"'}, 412),
            ({"if-match": tag}, 200),
            ({"if-modified-since": THEN}, 200),
            ({"if-unmodified-since": THEN}, 200),
            ({"range": "bytes=0-3"}, 200),
        ):
            for method in ("GET", "HEAD"):
                got = await client.http.request(method, path, headers=conditions)
                assert got.status_code == status, (method, conditions)
                assert status == 412 or got.headers["etag"] == tag
        said = "coffee"
        assert (await client.http.get(path, headers={"if-none-match": tag})).text == "WEBVTT coffee"


async def _answer(gateway: Running, *parts: bytes) -> bytes:
    """What comes back until the connection is closed, for what is sent as far as it is taken."""
    url = httpx.URL(gateway.base)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                return await reader.read()
            return b""
    finally:
        writer.close()


_GET = b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([_GET, b"X: " + b"a" * 32_000, b"\r\n\r\n"], 404),
        ([_GET, b"".join(b"X-%d: a\r\n" % n for n in range(98)), b"\r\n"], 404),
        ([_GET, b"".join(b"X-%d: a\r\n" % n for n in range(99)), b"\r\n"], 431),
        ([_GET, b"X: " + b"a" * 32_768, b"\r\n\r\n"], 431),
        ([b"GET /" + b"a" * 32_768, b" HTTP/1.1\r\n\r\n"], 431),
        ([_GET, b"a: b\r\n" * 20_000, b"\r\n"], 431),
    ],
)
async def test_a_head_has_a_limit(gateway: Running, behind: Backend, parts: list[bytes], status: int) -> None:
    assert (await _answer(gateway, *parts)).split(b" ")[1] == b"%d" % status


@pytest.mark.parametrize(
    "begun",
    [
        _GET + b"X: ",
        b"GET /",
        b"POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
)
async def test_a_head_that_goes_on_for_ever_is_read_no_further(gateway: Running, behind: Backend, begun: bytes) -> None:
    url = httpx.URL(gateway.base)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(begun)

    async def go_on() -> None:
        for _ in range(1000):
            writer.write(b"a" * 100_000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(go_on(), LIMIT)
    writer.close()


async def test_a_head_must_end_in_time_but_not_the_answer(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    space = behind.add(a_person("Host"))
    async with (
        running_gateway(nats.url, tmp_path, ask_seconds=2, head_seconds=2) as gateway,
        gateway.client() as client,
        client.http.stream("GET", f"/v1/spaces/{space.id}/events") as events,
    ):
        for refused in await asyncio.gather(_answer(gateway, b"GET /"), _answer(gateway, _GET + b"X: a")):
            assert refused.startswith(b"HTTP/1.1 408 ")
        # It began before them, and goes on.
        await behind.emit(room.Muted(**behind.next(space), person_id=space.host.id))
        async with asyncio.timeout(LIMIT):
            async for line in events.aiter_lines():
                if line == "event: room.muted":
                    break


def _wish(method: str, *headers: str, origin: str = FRIEND) -> dict[str, str]:
    return {
        "origin": origin, "access-control-request-method": method,
        "access-control-request-headers": ",".join(headers).lower(),
    }  # fmt: skip


def _cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def _listed(text: str) -> set[str]:
    return {one.strip().lower() for one in text.split(",")}


@pytest.fixture
async def open_gateway(nats: NatsServer, behind: Backend, tmp_path: Path) -> Any:
    """A gateway that pages of another origin may use."""
    settings: dict[str, Any] = {"cors_origins": ("https://Page.example:443/", "http://localhost:5173")}
    async with running_gateway(
        nats.url, tmp_path, ask_seconds=30, commands_burst=5, commands_per_second=0.01, **settings
    ) as made:
        yield made


async def test_a_preflight_allows_everything_that_the_api_takes(open_gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    at = f"/v1/spaces/{space.id}"
    paths = (
        "/v1/spaces",
        at,
        f"{at}/whip",
        f"{at}/whep",
        "/v1/media/x",
        f"{at}/events",
        "/2/spaces",
        "/healthz",
        "/nothing",
    )
    async with open_gateway.client() as client:
        for origin in (FRIEND, "http://localhost:5173"):
            for path in paths:
                for method in METHODS:
                    told = await client.http.options(path, headers=_wish(method, *READ, origin=origin))
                    assert told.status_code == 204
                    assert told.headers["access-control-allow-origin"] == origin
                    assert method.lower() in _listed(told.headers["access-control-allow-methods"])
                    assert {name.lower() for name in READ} <= _listed(told.headers["access-control-allow-headers"])
                    assert "access-control-allow-credentials" not in told.headers
                    assert "origin" in _listed(told.headers["vary"])


def test_a_preflight_allows_every_header_that_a_route_reads() -> None:
    read = {
        parameter["name"].lower()
        for methods in openapi()["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert read <= {name.lower() for name in READ}
    assert {"traceparent", "authorization", "if-none-match", "range"} <= {name.lower() for name in READ}


def test_every_header_that_the_description_tells_is_exposed() -> None:
    told = {
        name.lower()
        for methods in openapi()["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for name in response.get("headers", ())
    }
    assert told
    assert told <= {name.lower() for name in SENT}


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://page.example.evil.example", "http://page.example", "https://page.example:8443",
     "null", "https://xpage.example"],
)  # fmt: skip
async def test_other_origins_are_told_nothing(open_gateway: Running, behind: Backend, origin: str) -> None:
    space = behind.add(a_person("Host"))
    async with open_gateway.client() as client:
        for path in ("/v1/spaces", f"/v1/spaces/{space.id}", f"/v1/spaces/{space.id}/whep", "/nothing"):
            for answer in (
                await client.http.options(path, headers=_wish("POST", "authorization", origin=origin)),
                await client.http.get(path, headers={"origin": origin}),
                await client.http.post(path, headers={"origin": origin}, json={}),
            ):
                assert _cors(answer) == {}
                assert "origin" in _listed(answer.headers["vary"])


async def test_without_a_list_no_page_of_another_origin_is_let_in(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    async with gateway.client() as client:
        for path in ("/v1/spaces", f"/v1/spaces/{space.id}/whep"):
            for answer in (
                await client.http.options(path, headers=_wish("POST")),
                await client.http.get(path, headers={"origin": FRIEND}),
            ):
                assert _cors(answer) == {}


async def test_every_answer_can_be_read_errors_too(open_gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    at = f"/v1/spaces/{space.id}"
    page = {"origin": FRIEND}

    answers: dict[int, httpx.Response] = {}
    async with open_gateway.client(host.id) as client:
        http = client.http
        for answer in (
            await http.get("/v1/spaces", headers=page),
            await http.get("/nothing", headers=page),
            await http.get("/v1/me", headers={**page, "authorization": "Bearer nonsense"}),
            await http.put("/v1/spaces", headers=page),
            await http.post(f"{at}/whip", headers=page, content="x"),
            await http.post("/v1/spaces", headers=page, json={"title": ""}),
            await http.post("/v1/spaces", headers=page, content=b"x" * 70_000),
            await http.post("/v1/spaces", headers={**page, "content-type": "application/json"}, content=b"{"),
            await http.post(f"{at}/end", headers=page),
            *[await http.delete(f"/v1/me/following/{new_id()}", headers=page) for _ in range(6)],
        ):
            answers[answer.status_code] = answer
            assert answer.headers["access-control-allow-origin"] == FRIEND, answer.status_code
            assert _listed(answer.headers["access-control-expose-headers"]) == {name.lower() for name in SENT}
            assert "origin" in _listed(answer.headers["vary"])
            assert "access-control-allow-credentials" not in answer.headers
        async with http.stream("GET", f"{at}/events", headers=page) as events:
            assert events.headers["access-control-allow-origin"] == FRIEND
    assert {200, 401, 404, 405, 413, 415, 422, 429} <= set(answers)
    assert answers[429].headers["retry-after"]


async def test_a_bug_of_ours_can_be_read_too(open_gateway: Running, behind: Backend) -> None:
    async def unforeseen(query: TranscriptDocumentQuery) -> TranscriptDocument:
        return TranscriptDocument(content_type="text/\u2603", body="no header can say this type")

    behind.on(TranscriptDocumentQuery, unforeseen)
    space = behind.add(a_person("Host"))
    async with open_gateway.client() as client:
        answer = await client.http.get(f"/v1/spaces/{space.id}/transcript.vtt", headers={"origin": FRIEND})
        assert (answer.status_code, answer.json()["reason"]) == (500, "internal")
        assert answer.headers["access-control-allow-origin"] == FRIEND

"""A page of another origin does everything that the API offers, with a bearer token and without a cookie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page

from tests.support.waiting import LIMIT, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
API: Final = (Path(__file__).parent / "other_origin.js").read_text()
HERTZ: Final = 440


@asynccontextmanager
async def page_of(browser: Browser, origin: str, url: str) -> AsyncIterator[Page]:
    """An empty page of an origin that knows the API at `url`."""
    context = await browser.new_context()
    context.set_default_timeout(LIMIT * 1000)
    page = await context.new_page()
    try:
        await page.goto(origin)
        await page.evaluate(API)
        await page.evaluate("(url) => { window.our = api(url); }", url)
        await page.mouse.click(5, 5)  # sound needs a gesture
        yield page
        assert await context.cookies() == []
    finally:
        await context.close()


async def test_a_page_of_a_listed_origin_can_do_everything(url: str, browser: Browser, listed_origin: str) -> None:
    async with page_of(browser, listed_origin, url) as page:

        async def ask(who: str, method: str, path: str, **more: Any) -> dict[str, Any]:
            script = "([who, method, path, more]) => window[who].ask(method, path, more)"
            told: dict[str, Any] = await page.evaluate(script, [who, method, path, more])
            return told

        for who, handle in (("host", "cors_host"), ("guest", "cors_guest")):
            await page.evaluate("async ([who, handle]) => { window[who] = await our.signUp(handle); }", [who, handle])
        person = await page.evaluate("() => guest.person.id")
        made = await ask("host", "POST", "/v1/spaces", json={"title": "Over there", "recorded": True})
        at, space = made["headers"]["location"], made["body"]["id"]
        assert (made["status"], at) == (201, f"/v1/spaces/{space}")

        # Every method, and what its answer says in headers.
        head = await ask("guest", "HEAD", at)
        assert (head["status"], head["body"]) == (200, "")
        assert (await ask("host", "PATCH", at, json={"title": "Here"}))["body"]["settings"]["title"] == "Here"
        assert (await ask("host", "PUT", f"/v1/me/following/{person}"))["status"] == 204
        assert (await ask("host", "DELETE", f"/v1/me/following/{person}"))["status"] == 204
        found = await ask("guest", "GET", f"/2/spaces/{space}")
        assert found["body"]["data"]["state"] == "live"
        assert found["headers"]["x-rate-limit-limit"] == "300"
        assert {"x-rate-limit-remaining", "x-rate-limit-reset"} <= found["headers"].keys()
        options = await ask("host", "OPTIONS", f"{at}/whip")
        assert options["headers"]["accept-post"] == "application/sdp"
        assert "POST" in options["headers"]["allow"]

        # Speaking and listening.
        spoken = await page.evaluate("([space, hertz]) => our.speak(host, space, hertz)", [space, HERTZ])
        assert spoken["headers"]["location"].startswith("/v1/media/")
        assert spoken["headers"]["accept-patch"] == "application/trickle-ice-sdpfrag"
        unmuted = await ask("host", "POST", f"{at}/stage/{made['body']['host']['id']}/unmute")
        assert unmuted["status"] == 200
        listened = await page.evaluate("(space) => our.listen(guest, space)", space)
        await page.wait_for_function(
            "(hertz) => heard().most > -60 && Math.abs(heard().hertz - hertz) < 12", arg=HERTZ, polling=50
        )
        for who, answer in (("host", spoken), ("guest", listened)):
            fragment = {"text": "a=ice-ufrag:x\r\n", "type": "application/trickle-ice-sdpfrag"}
            stale = await ask(who, "PATCH", answer["headers"]["location"], headers={"if-match": '"no"'}, **fragment)
            assert (stale["status"], stale["body"]["reason"]) == (412, "precondition_failed")
            assert answer["headers"]["etag"].startswith('"')
            assert (await ask(who, "DELETE", answer["headers"]["location"]))["status"] == 200

        # Live events on each of their ways.
        events = f"{at}/events"
        assert (await page.evaluate("(path) => our.firstOfEventSource(guest, path)", events))["id"] == space
        assert "event: " in await page.evaluate("(path) => our.firstOfStream(guest, path)", events)
        assert (await page.evaluate("(path) => our.firstOfSocket(guest, path)", f"{at}/live"))["event"] == "snapshot"

        # What is refused can be read.
        unknown = await ask("guest", "GET", f"/v1/spaces/{person}")
        assert (unknown["status"], unknown["body"]["reason"]) == (404, "space_unknown")
        wrong = await ask("guest", "POST", "/v1/spaces", json={"title": ""})
        assert (wrong["status"], wrong["body"]["faults"][0]["where"]) == (422, "body.title")
        nobody = await ask("guest", "GET", "/v1/me", headers={"authorization": "Bearer nonsense"})
        assert (nobody["status"], nobody["headers"]["www-authenticate"]) == (401, 'Bearer realm="rostrum"')
        assert "GET" in (await ask("guest", "PUT", "/v1/spaces"))["headers"]["allow"]

        # The replay, in parts and under conditions.
        assert (await ask("host", "POST", f"{at}/end"))["body"]["state"] == "ended"

        async def ready() -> dict[str, Any] | None:
            answer = await ask("guest", "GET", f"{at}/replay.m4a", headers={"range": "bytes=4-7"})
            return answer if answer["status"] == 206 else None

        part = await eventually(ready)
        assert part["body"] == "ftyp"
        size = part["headers"]["content-range"].removeprefix("bytes 4-7/")
        tag, changed = part["headers"]["etag"], part["headers"]["last-modified"]
        assert (await ask("guest", "HEAD", f"{at}/replay.m4a"))["headers"]["content-length"] == size
        for conditions, status in (
            ({"if-none-match": tag}, 304),
            ({"if-modified-since": changed}, 304),
            ({"if-match": '"x"'}, 412),
            ({"range": "bytes=0-3", "if-range": tag}, 206),
            ({"range": "bytes=0-3,8-9", "if-range": '"x"'}, 200),
        ):
            assert (await ask("guest", "GET", f"{at}/replay.m4a", headers=conditions))["status"] == status, conditions


async def test_a_page_of_another_origin_can_do_nothing(url: str, browser: Browser, listed_origin: str) -> None:
    # The same server under its other name is another origin.
    async with page_of(browser, listed_origin.replace("127.0.0.1", "localhost"), url) as page:
        for script in (
            "() => our.ask(null)('GET', '/v1/spaces')",
            "() => our.ask(null)('POST', '/v1/people', { json: { handle: 'sneaky', name: 'S' } })",
            "() => our.firstOfEventSource({ token: '' }, '/v1/spaces/x/events')",
            "(url) => fetch(`${url}/v1/spaces`).then((answer) => answer.text())",
        ):
            refused = await page.evaluate(f"(url) => ({script})(url).then(() => 'read it', () => 'refused')", url)
            assert refused == "refused", script
        assert await page.evaluate("() => our.firstOfSocket({ token: '' }, '/v1/spaces/x/live')") is None

"""Somebody turns notices on, is told while no page of theirs looks, and comes to the Space by a click.

A browser's own push service is somebody else's, on the internet. Here one of the test's own stands in its place: what
Chromium would have got from there is brought to its worker over the DevTools protocol.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Worker, expect

from tests.e2e.page.visitor import DESKTOP, PHONE, Visitor, visitor
from tests.integration.notifications.push_service import Device, PushService, pushing
from tests.support.waiting import LIMIT, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

_GIVE: Final = """(given) => {
    const subscription = {
        endpoint: given.endpoint, toJSON: () => given,
        unsubscribe: async () => { delete localStorage.subscribed; return true; },
    };
    const now = async () => localStorage.subscribed ? subscription : null;
    PushManager.prototype.getSubscription = now;
    PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
        if (!userVisibleOnly) throw new Error("it would be silent");
        localStorage.subscribed = applicationServerKey;
        return now();
    };
}"""
"""Gives a subscription as a push service does: it is the browser's until it is given up."""
_CLICK: Final = """async (path) => {
    const one = (await registration.getNotifications()).find(({ data }) => data.path === path);
    const opened = new Promise((resolve) => { Clients.prototype.openWindow = async (wanted) => resolve(wanted); });
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification: one }));
    return opened;
}"""
"""Clicks a notice; only a hand may really open a window by that."""


@pytest_asyncio.fixture(loop_scope="package")
async def service() -> AsyncIterator[PushService]:
    async with pushing() as service:
        yield service


async def give(someone: Visitor, device: Device) -> None:
    """Have the browser subscribe as this device."""
    given = {"endpoint": device.address, "keys": {"p256dh": device.public, "auth": device.secret}}
    await someone.page.context.grant_permissions(["notifications"], origin=someone.url)
    await someone.page.add_init_script(f"({_GIVE})({json.dumps(given)})")
    await someone.page.reload()


async def turn(someone: Visitor, *, on: bool) -> None:
    """The switch in one's account."""
    await someone.part("me").click()
    await someone.part("push").set_checked(on)
    await expect(someone.part("push-live")).to_be_visible(visible=on)
    await someone.page.keyboard.press("Escape")


async def api(someone: Visitor, method: str, path: str) -> Any:
    """Something as them, behind the page's back."""
    token = await someone.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=someone.url, headers=headers, timeout=LIMIT) as client:
        answer = await client.request(method, path)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def person_of(someone: Visitor) -> str:
    return str(await someone.page.evaluate("JSON.parse(localStorage['rostrum.identity']).person.id"))


async def background(someone: Visitor) -> tuple[Worker, CDPSession, str]:
    """The page's worker, and how messages are brought to it."""
    workers = someone.page.context.service_workers
    worker = workers[0] if workers else await someone.page.context.wait_for_event("serviceworker")
    session = await someone.page.context.new_cdp_session(someone.page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def registered(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if not found.done() and not one["isDeleted"]:
                found.set_result(one["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", registered)
    await session.send("ServiceWorker.enable")
    async with asyncio.timeout(LIMIT):
        return worker, session, await found


async def shown(worker: Worker) -> list[dict[str, Any]]:
    """The notices that stand there."""
    found: list[dict[str, Any]] = await worker.evaluate(
        "async () => (await registration.getNotifications()).map(({ title, body, tag, data }) => "
        "({ title, body, tag, path: data.path }))"
    )
    return found


async def test_a_notice_comes_while_no_page_looks_and_leads_to_the_space(
    url: str, browser: Browser, service: PushService
) -> None:
    device = service.device()
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE) as fan:
        await host.sign_up("Rosa Parks")
        await fan.sign_up("Claudette Colvin")
        await give(fan, device)
        await turn(fan, on=True)
        await fan.told("You will be notified in this browser.")
        (mine,) = (await api(fan, "GET", "/v1/me/push"))["subscriptions"]
        assert (mine["reminders"], mine["live"]) == (True, True)
        await api(fan, "PUT", f"/v1/me/following/{await person_of(host)}")

        path = await host.create("On buses")
        (told,) = await device.until(1)
        worker, session, registration = await background(fan)
        message = {"origin": fan.url, "registrationId": registration, "data": json.dumps(told)}
        for _ in range(2):  # a push service may bring it twice
            await session.send("ServiceWorker.deliverPushMessage", message)
        notice = {"title": "Rosa Parks is live", "body": "On buses", "tag": path.removeprefix("/spaces/"), "path": path}
        await eventually(lambda: _stands(worker, [notice]))
        assert await worker.evaluate(_CLICK, path) == path
        assert await shown(worker) == []
        await fan.visit(path)
        await expect(fan.part("title")).to_have_text("On buses")

        await turn(fan, on=False)
        await eventually(lambda: _has(fan, 0))


async def _stands(worker: Worker, notices: list[dict[str, Any]]) -> bool:
    return await shown(worker) == notices


async def _has(someone: Visitor, count: int) -> bool:
    return len((await api(someone, "GET", "/v1/me/push"))["subscriptions"]) == count


async def test_signing_out_ends_the_notices_of_this_browser(url: str, browser: Browser, service: PushService) -> None:
    device = service.device()
    async with visitor(browser, url, size=DESKTOP) as someone:
        await someone.sign_up("Ella Baker")
        await give(someone, device)
        await turn(someone, on=True)
        await eventually(lambda: _has(someone, 1))
        token = await someone.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
        await someone.page.reload()
        await someone.part("me").click()
        await expect(someone.part("push")).to_be_checked()
        await someone.part("sign-out").click()
        await expect(someone.part("sign-up")).to_be_visible()
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=LIMIT) as client:

            async def none() -> bool:
                found: list[object] = (await client.get("/v1/me/push")).json()["subscriptions"]

                return not found

            await eventually(none)
        assert await someone.page.evaluate("localStorage.subscribed") is None


async def test_whoever_says_no_to_their_browser_is_told_what_to_do(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as someone:
        await someone.sign_up("Diane Nash")
        await someone.page.evaluate("Notification.requestPermission = async () => 'denied'")
        await someone.part("me").click()
        await someone.part("push").click()
        await expect(someone.part("push-status")).to_contain_text("Allow them in its settings")
        await expect(someone.part("push")).not_to_be_checked()

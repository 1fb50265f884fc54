"""Sheets: what is wrong is said in front, topics come from the list, people are found and invited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from libs.ids import new_id
from tests.e2e.page.visitor import PHONE, visitor
from tests.integration.gateway.client import Client
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()
_IN_FRONT = """(element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const there = document.elementFromPoint(left + width / 2, top + height / 2);
    return element.contains(there);
}"""


async def in_front(part: Locator) -> None:
    """Wait until nothing covers the middle of it: a message may do so for some seconds."""

    async def is_seen() -> bool:
        return bool(await part.evaluate(_IN_FRONT))

    await eventually(is_seen)


async def test_what_is_wrong_is_said_beside_its_field_and_topics_are_chosen_from_the_list(
    url: str, browser: Browser
) -> None:
    async with visitor(browser, url, size=PHONE) as host:
        await host.sign_up("Hedy Lamarr")
        await host.part("new-space").click()
        sheet, error = host.part("create-sheet"), host.part("create-sheet").get_by_test_id("error")
        await host.part("title").fill("Backwards \u202eeeffoc")
        await host.part("create").click()
        await expect(error).to_contain_text("U+202E")
        await expect(host.part("title")).to_be_focused()
        await expect(host.part("title")).to_have_attribute("aria-invalid", "true")
        await in_front(error)
        assert await host.page.evaluate(_AUDIT) == []
        await host.part("title").fill("Hopping frequencies")
        await expect(error).to_have_count(0)

        # What only the service knows to be wrong is beside its field too, also where that was folded away.
        later = host.page.get_by_text("Schedule it for later")
        await later.click()
        start = host.page.get_by_label("Starts at")
        await start.fill(f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}")
        await later.click()
        await host.part("create").click()
        await expect(error).to_contain_text("in the past")
        await expect(start).to_be_focused()
        await in_front(error)
        await start.fill(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}")

        topics, keys = host.part("topics"), host.page.keyboard
        await topics.fill("musi")
        await expect(topics).to_have_attribute("aria-expanded", "true")
        await keys.press("ArrowDown")
        chosen = await topics.get_attribute("aria-activedescendant")
        await expect(host.page.locator(f"#{chosen}")).to_have_text("music")
        assert await host.page.evaluate(_AUDIT) == []
        await keys.press("Escape")
        await expect(sheet).to_be_visible()
        await expect(topics).to_have_attribute("aria-expanded", "false")
        for words in ("musi", "radi", "math"):
            await topics.fill(words)
            await keys.press("Enter")
        picked = host.part("topic")
        await expect(picked).to_have_text(["music", "radio", "mathematics"])
        await topics.click()
        await expect(host.part("topic-list").get_by_role("option").nth(7)).to_have_attribute("aria-disabled", "true")
        await keys.press("Backspace")
        await expect(picked).to_have_count(2)
        await topics.fill("no such thing")
        await expect(sheet).to_contain_text("No topic is called that.")
        await topics.fill("")
        await host.part("create").click()
        await host.arrive("Hopping frequencies", "Scheduled")
        await expect(host.page.locator(".title .topics li")).to_have_text(["music", "radio"])


async def test_people_are_found_by_name_and_let_into_a_space_for_invited_people_alone(
    url: str, browser: Browser
) -> None:
    async with visitor(browser, url, size=PHONE) as host, visitor(browser, url) as guest:
        await host.sign_up("Emmy Noether")
        await guest.sign_up("Bartel Waerden")
        await host.part("new-space").click()
        await host.part("title").fill("Ideals")
        await host.part("who-join").select_option("invited")
        await host.part("create").click()
        path = await host.arrive("Ideals")
        await host.listens()
        await guest.visit(path)
        await expect(guest.part("gone")).to_be_visible()

        await host.part("invite-open").click()
        await host.part("find-people").fill("nobody of that name")
        await expect(host.part("found-people-count")).to_have_text("Nobody is called that.")
        await host.part("find-people").fill("waerd")
        row = host.part("found-person").filter(has_text="Bartel Waerden")
        await row.get_by_test_id("invite-join").click()
        await expect(row.get_by_test_id("invited")).to_have_text("Let in")
        await guest.told("Emmy Noether lets you into “Ideals”.")
        await row.get_by_test_id("invite-undo").click()
        await guest.visit(path)
        await expect(guest.part("gone")).to_be_visible()
        await row.get_by_test_id("invite-join").click()
        await expect(row.get_by_test_id("invited")).to_have_text("Let in")
        assert await host.page.evaluate(_AUDIT) == []
        await guest.listen(path)
        await row.get_by_test_id("invite-speak").click()
        await guest.part("invitation-accept").click()
        await expect(guest.part("mic")).to_be_visible()
        await host.page.keyboard.press("Escape")
        await expect(host.on_stage("Bartel Waerden")).to_be_visible()

        # Whoever waits can be let in, whatever stands at the bottom.
        async with Client(url) as nobody:
            made = (await nobody.http.post("/v1/people", json={"handle": new_id()[-15:], "name": "Olga T"})).json()
        token = await host.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
        async with Client(url, token) as as_host, Client(url, made["token"]) as olga:
            invitation = {"person_id": made["person"]["id"], "to": "join"}
            await as_host.http.post(f"/v1{path}/invitations", json=invitation)
            await olga.http.post(f"/v1{path}/sessions")
            await olga.http.post(f"/v1{path}/requests", json={"message": "I was there"})
            await expect(host.part("accept")).to_be_visible()
        await host.page.evaluate("scrollTo(0, 0)")
        await in_front(host.part("accept"))
        await host.part("react").click()
        await host.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await in_front(host.part("accept"))
        await in_front(host.part("decline"))
        assert await host.page.evaluate(_AUDIT) == []


async def test_a_host_on_air_is_asked_before_they_go(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host:
        await host.sign_up("Edward Murrow")
        path = await host.create("This is London")
        await host.listens()
        await host.part("home").click()
        await expect(host.part("confirmation")).to_contain_text("Leave while you host?")
        await host.page.keyboard.press("Escape")
        await expect(host.part("confirmation")).to_have_count(0)
        await host.page.go_back()
        await expect(host.part("confirmation")).to_be_visible()
        await host.page.keyboard.press("Escape")
        await expect(host.part("confirmation")).to_have_count(0)
        await host.page.wait_for_url(f"**{path}*")
        await host.listens()
        async with host.page.expect_event("dialog") as closing:
            await host.page.evaluate("setTimeout(() => location.reload())")
        assert (await closing.value).type == "beforeunload"
        await (await closing.value).dismiss()
        await host.listens()
        await host.page.go_back()
        await host.part("confirm").click()
        await expect(host.part("new-space")).to_be_visible()

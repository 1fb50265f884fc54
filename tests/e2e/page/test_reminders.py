"""Whoever asked to be reminded of a Space is told when it is time, on whichever page they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.visitor import PHONE, Visitor, visitor
from tests.support.waiting import LIMIT, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_a_notice_leads_to_the_space_that_one_wanted_to_be_reminded_of(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE) as guest:
        await host.sign_up("Jules Verne")
        path = await schedule(host, "Around the world")
        await guest.sign_up("Nellie Bly")
        await guest.visit(path)
        await guest.part("remind").click()
        await guest.told("You will be reminded")
        await guest.visit(path)
        await expect(guest.part("remind")).to_have_text("Reminder set")
        await guest.part("remind").click()
        await expect(guest.part("remind")).to_have_text("Remind me")
        await guest.visit(path)
        await expect(guest.part("remind")).to_have_attribute("data-set", "false")
        await guest.part("remind").click()
        await expect(guest.part("remind")).to_have_text("Reminder set")
        await guest.part("home").click()
        await guest.part("list-scheduled").get_by_text("Around the world").wait_for()

        await host.part("start").click()
        notice = guest.part("message").filter(has_text="It is time for “Around the world”.")
        await expect(notice).to_be_visible()
        await notice.get_by_test_id("message-link").click()
        await guest.page.wait_for_url(f"**{path}*")
        await expect(guest.part("title")).to_have_text("Around the world")
        await expect(notice).to_have_count(0)
        await guest.listens()


async def test_whoever_looked_elsewhere_is_reminded_when_they_come_back(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url) as guest:
        await host.sign_up("H G Wells")
        path = await schedule(host, "The time machine")
        await guest.sign_up("Weena Eloi")
        await guest.visit(path)
        await guest.part("remind").click()
        await guest.told("You will be reminded")
        await guest.part("home").click()
        await guest.part("list-scheduled").get_by_text("The time machine").wait_for()
        await look_away(guest, True)
        await host.part("start").click()
        await expect(host.part("audio")).to_be_visible()
        await expect(guest.part("message").filter(has_text="It is time")).to_have_count(0)
        await look_away(guest, False)
        await expect(guest.part("message").filter(has_text="It is time for “The time machine”.")).to_be_visible()


async def test_what_nobody_starts_is_reminded_of_by_the_clock_also_after_a_reload(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url) as guest:
        await host.sign_up("Phileas Fogg")
        path = await schedule(host, "Eighty days")
        await guest.sign_up("Aouda Fogg")
        await guest.visit(path)
        await guest.part("remind").click()
        await guest.told("You will be reminded")
        await guest.page.reload()
        await expect(guest.part("remind")).to_have_text("Reminder set")
        await expect(guest.part("message").filter(has_text="It is time")).to_have_count(0)

        await eventually(partial(move, host, path))
        await guest.told("It is time for “Eighty days”.")
        await host.told("Your Space “Eighty days” starts soon")
        await host.told("It is time for “Eighty days”.")
        await expect(guest.part("state")).to_have_text("Scheduled")
        await expect(guest.part("message").filter(has_text="It is time")).to_have_count(1)


async def move(host: Visitor, path: str) -> bool:
    """Have a Space start in a moment; whether that was still ahead when it was asked for."""
    token = await host.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
    async with httpx.AsyncClient(base_url=host.url, headers={"authorization": f"Bearer {token}"}) as client:
        start = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        answer = await client.post(f"/v1{path}/reschedule", json={"scheduled_start": start}, timeout=LIMIT)
    return answer.status_code == 200


async def schedule(host: Visitor, title: str) -> str:
    """A Space for tomorrow; the path of its page, on which the host is."""
    await host.part("new-space").click()
    await host.part("title").fill(title)
    await host.page.get_by_text("Schedule it for later").click()
    await host.page.get_by_label("Starts at").fill(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}")
    await host.part("create").click()
    return await host.arrive(title, "Scheduled")


async def look_away(someone: Visitor, away: bool) -> None:
    """Another tab is in front of the page, or no longer."""
    await someone.page.evaluate(
        "(away) => {"
        " Object.defineProperty(document, 'hidden', { value: away, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange'));"
        "}",
        away,
    )

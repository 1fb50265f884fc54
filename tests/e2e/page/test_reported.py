"""What was said is reported, and operators hear it, also once its host has deleted it."""

from __future__ import annotations

import asyncio
import base64
import time

import httpx
import pytest
from playwright.async_api import Browser, expect

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.e2e.page.conftest import TONE_HZ
from tests.e2e.page.visitor import Visitor, visitor
from tests.support.browser import grow_ears, hears
from tests.support.photos import plain, saved
from tests.support.tones import RATE, decode_file, pitch
from tests.support.waiting import LIMIT, eventually, pace

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_FETCHED = """async (audio) => {
  const bytes = new Uint8Array(await (await fetch(audio.src)).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}"""


async def has_a_picture(someone: Visitor) -> None:
    token = await someone.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
    async with httpx.AsyncClient(base_url=someone.url, headers={"authorization": f"Bearer {token}"}) as client:
        picture = saved(plain("red"), "PNG")
        sent = await client.put("/v1/me/picture", content=picture, headers={"content-type": "image/png"}, timeout=LIMIT)
    assert sent.status_code == 200, sent.text


async def test_operators_hear_what_was_reported_once_its_host_has_deleted_it(
    system: System, url: str, browser: Browser
) -> None:
    async with visitor(browser, url) as host, visitor(browser, url) as guest:
        await host.sign_up("Loud Lou")
        await has_a_picture(host)
        path = await host.create("One loud tone", recorded=True)
        await host.listens()
        await guest.sign_up("Quiet Quinn")
        await guest.listen(path)
        await grow_ears(guest.page)
        await host.unmute()
        await hears(guest.page, TONE_HZ)
        await pace(time.monotonic() + 1.0)  # of the tone
        await guest.on_stage("Loud Lou").click()
        await guest.part("report-person").click()
        await guest.part("report-reason").select_option("abuse")
        await guest.part("report-comment").fill("Far too loud")
        await guest.part("report-send").click()
        await guest.told("Thank you.")
        await host.part("more").click()
        await host.part("pin-link").click()
        await host.part("pin-url").fill("https://example.org/loud")
        await host.part("pin-text").fill("On loud tones")
        await host.part("pin-send").click()
        await guest.part("report-pin").click()
        await expect(guest.part("report-piece")).to_have_text("On loud tones")
        await guest.part("report-comment").fill("A loud link")
        await guest.part("report-send").click()
        await expect(guest.part("report-piece")).to_have_count(0)

        await host.part("end").click()
        await host.part("confirm").click()
        await expect(host.part("replay")).to_be_visible()
        await host.part("delete-replay").click()
        await host.part("confirm").click()
        await expect(guest.part("replay-state")).to_have_text("There is no replay any more.")

        async with visitor(browser, url, home=False) as operator:
            await operator.visit("/moderation")
            token = DevelopmentIdentity(system.var_dir / "keys").mint(new_id(), operator=True)
            await operator.part("operator-token").fill(token)
            await operator.part("operator-enter").click()
            row = operator.part("report-row").filter(has_text="Far too loud")
            await expect(row).to_contain_text("Quiet Quinn")
            await expect(row.locator("img")).to_be_visible()
            await row.get_by_test_id("remove-picture").click()
            await expect(operator.part("log").locator("[data-act=picture_removed]")).to_contain_text("Loud Lou")
            await expect(row.locator("img")).to_have_count(0)
            await expect(guest.on_stage("Loud Lou").locator("img")).to_have_count(0)

            async def there() -> bool:
                await row.get_by_test_id("show-evidence").click()
                await expect(row.locator("[data-kind=moment]")).to_be_visible()
                return await row.get_by_test_id("hear-evidence").count() == 1

            await eventually(there)
            await expect(row.locator("[data-kind=moment]")).to_contain_text("Loud Lou")
            await expect(row.locator("[data-kind=title]")).to_contain_text("One loud tone")
            await row.get_by_test_id("hear-evidence").click()
            audio = row.get_by_test_id("evidence-sound")
            await operator.page.wait_for_function(
                "(audio) => audio.duration > 1 && audio.currentTime > 0", arg=await audio.element_handle()
            )
            file = base64.b64decode(await audio.evaluate(_FETCHED))
            samples = await asyncio.to_thread(decode_file, file)
            assert pitch(samples[-RATE:]) == pytest.approx(TONE_HZ, rel=0.01)
            await operator.page.reload()
            log = operator.part("log")
            await expect(log.locator("[data-act=report_heard]").first).to_be_visible()
            await expect(log.locator("[data-act=report_read]").first).to_be_visible()
            await row.get_by_test_id("dismiss-report").click()
            await expect(row).to_have_count(0)
            await operator.part("report-state").select_option("dismissed")
            await expect(row).to_contain_text("Closed")
            await row.get_by_test_id("reopen-report").click()
            await expect(row).to_have_count(0)
            await operator.part("report-state").select_option("open")
            await expect(row).to_be_visible()
            pin = operator.part("report-row").filter(has_text="A loud link")
            await pin.get_by_test_id("show-evidence").click()
            await expect(pin.locator("[data-kind=pin]")).to_contain_text("On loud tones (https://example.org/loud)")

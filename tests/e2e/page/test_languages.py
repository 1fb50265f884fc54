"""Hosts tell captions their words, and whoever speaks tells them their language."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.visitor import PHONE, Visitor, visitor
from tests.integration.gateway.client import Client

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def _more(someone: Visitor, testid: str) -> None:
    await someone.part("more").click()
    await someone.part(testid).click()


async def test_hosts_keep_the_words_and_everybody_on_stage_says_what_they_speak(url: str, browser: Browser) -> None:
    async with (
        visitor(browser, url, color_scheme="dark") as host,
        visitor(browser, url, size=PHONE) as guest,
    ):
        await host.sign_up("Mary Shelley")
        await host.part("new-space").click()
        await host.part("title").fill("On gardens")
        await host.page.get_by_text("Language and words").click()
        await host.part("words").fill("Dashwood, Growswell,, Dashwood\n HNSW ")
        # Whoever chooses a language without captions is told before the Space exists.
        await host.part("language").select_option("ko")
        await expect(host.part("not-understood")).to_contain_text("There are no captions in 한국어 here")
        assert await host.page.evaluate(_AUDIT) == []
        await host.part("caption").uncheck()
        await expect(host.part("not-understood")).to_be_hidden()
        await host.part("caption").check()
        await host.part("language").select_option("und")
        await expect(host.part("not-understood")).to_be_empty()
        await host.part("language").select_option("en")
        await expect(host.part("not-understood")).to_be_empty()
        assert await host.page.evaluate(_AUDIT) == []
        await host.part("create").click()
        path = await host.arrive("On gardens")
        await host.listens()

        await guest.sign_up("Percy Shelley")
        await guest.listen(path)
        await guest.part("more").click()
        await expect(guest.part("report-space")).to_be_visible()
        await expect(guest.part("i-speak")).to_have_count(0)
        await expect(guest.part("words-open")).to_have_count(0)
        await guest.page.keyboard.press("Escape")
        await guest.part("request-to-speak").click()
        await guest.part("request-send").click()
        await host.part("accept").click()
        await expect(guest.part("mic")).to_be_visible()

        # The speaker's own language, told to themselves again.
        await guest.part("more").click()
        await expect(guest.part("i-speak")).to_have_text("I speak English")
        await guest.part("i-speak").click()
        await guest.part("my-language").select_option("de")
        assert await guest.page.evaluate(_AUDIT) == []
        await guest.part("my-language-save").click()
        await expect(guest.part("language-sheet")).to_have_count(0)
        await _more(guest, "i-speak")
        await expect(guest.part("my-language")).to_have_value("de")
        await guest.part("my-language").select_option("und")
        await guest.part("my-language-save").click()
        await expect(guest.part("language-sheet")).to_have_count(0)
        await guest.page.reload()
        await guest.part("more").click()
        await expect(guest.part("i-speak")).to_have_text("I speak… (found out)")
        await guest.page.keyboard.press("Escape")

        # Who speaks what nothing here understands is told so, and by another choice no more.
        token = await guest.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
        async with Client(url, token) as as_guest:
            (await as_guest.http.put(f"/v1{path}/languages/me", json={"lang": "tlh"})).raise_for_status()
        await guest.page.reload()
        await _more(guest, "i-speak")
        await expect(guest.part("my-language")).to_have_value("tlh")
        await expect(guest.part("not-understood")).to_contain_text("There are no captions in")
        assert await guest.page.evaluate(_AUDIT) == []
        await guest.part("my-language").select_option("")
        await expect(guest.part("not-understood")).to_be_empty()
        await guest.page.keyboard.press("Escape")

        # A co-host finds the host's words, and what is no word is told.
        await host.on_stage("Percy Shelley").click()
        await host.part("appoint").click()
        await expect(guest.on_stage("Percy Shelley")).to_have_attribute("data-role", "cohost")
        await _more(guest, "words-open")
        await expect(guest.part("new-words")).to_have_value("Dashwood, Growswell, HNSW")
        await guest.part("new-words").fill("Dashwood, D\u0430shwood")
        await guest.part("words-save").click()
        await guest.told("letters that only look like others")
        await guest.part("new-words").fill("Ní Bhriain")
        assert await guest.page.evaluate(_AUDIT) == []
        await guest.part("words-save").click()
        await expect(guest.part("words-sheet")).to_have_count(0)
        await _more(host, "words-open")
        await expect(host.part("new-words")).to_have_value("Ní Bhriain")

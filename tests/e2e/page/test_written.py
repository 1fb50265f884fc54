"""The page counts what people write as the API does."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.visitor import visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

SMILES = "\U0001f600" * 70
DECOMPOSED = "e\u0301" * 70


async def test_seventy_characters_are_seventy_whatever_they_are(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host:
        await host.sign_up("Ada " + "\U0001f600" * 46)
        await host.part("new-space").click()
        title = host.part("title")
        for text, valid in ((SMILES, True), (f"{SMILES}!", False), (DECOMPOSED, True), (f"{DECOMPOSED}\u00e9", False)):
            await title.fill(text)
            assert await title.evaluate("(field) => field.checkValidity()") is valid
        assert (
            await title.evaluate("(field) => field.validationMessage") == "At most 70 characters: this is 1 too many."
        )
        await host.part("create").click()
        await expect(title).to_be_visible()
        await title.fill(f"  {SMILES}  ")
        await host.part("create").click()
        await expect(host.page.get_by_role("heading", level=1)).to_have_text(SMILES)
        await host.part("more").click()
        await host.part("settings").click()
        await host.part("new-title").fill(DECOMPOSED)
        await host.part("settings-save").click()
        await expect(host.part("title")).to_have_text("é" * 70)


async def test_words_that_cannot_be_seen_are_refused_with_the_reason(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host:
        await host.sign_up("Ada Byron")
        await host.part("new-space").click()
        for text, said in (("\u200b", "can be seen"), ("Tea \u202etxt", "U+202E")):
            await host.part("title").fill(text)
            await host.part("create").click()
            await host.told(said)

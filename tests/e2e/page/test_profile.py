"""Somebody changes what they are called, and everybody who looks sees it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.visitor import visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def test_a_new_name_is_seen_in_an_open_space_at_once_and_everywhere_after_that(
    url: str, browser: Browser
) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, home=False) as guest:
        await host.sign_up("Ada Byron")
        path = await host.create("On engines")
        await guest.visit(path)
        await expect(guest.on_stage("Ada Byron")).to_be_visible()
        await host.part("me").click()
        await host.part("edit-profile").click()
        await host.part("profile-name").fill("Ada Lovelace")
        await host.part("profile-bio").fill("Poetical science.\nLondon.")
        await host.part("profile-links").fill("https://example.org/ada")
        await host.part("profile-save").click()
        await expect(host.part("profile-sheet")).to_have_count(0)
        await expect(host.part("me")).to_contain_text("Ada Lovelace")
        await expect(host.on_stage("Ada Lovelace")).to_be_visible()
        await expect(guest.on_stage("Ada Lovelace")).to_be_visible()
        await expect(guest.on_stage("Ada Byron")).to_have_count(0)
        await guest.on_stage("Ada Lovelace").click()
        await expect(guest.part("about")).to_contain_text("Poetical science.")
        await expect(guest.part("about").get_by_role("link")).to_have_attribute("href", "https://example.org/ada")
        await guest.visit()
        await expect(guest.page.get_by_role("main")).to_contain_text("Ada Lovelace")


async def test_a_handle_that_somebody_has_is_refused_with_the_reason(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as one, visitor(browser, url) as other:
        for somebody, name in ((one, "Grace Hopper"), (other, "Mary Shelley")):
            await somebody.sign_up(name)
        await one.part("me").click()
        await one.part("edit-profile").click()
        taken = await one.part("profile-handle").input_value()
        await other.part("me").click()
        await other.part("edit-profile").click()
        await other.part("profile-handle").fill(taken.upper())
        await other.part("profile-save").click()
        error = other.part("profile-sheet").get_by_test_id("error")
        await expect(error).to_contain_text("choose another handle")
        await expect(other.part("profile-handle")).to_be_focused()
        assert await other.page.evaluate(_AUDIT) == []
        await other.part("profile-handle").fill(f"{taken[:-1]}_")
        await other.part("profile-links").fill("https://bank.example@evil.example/")
        await other.part("profile-save").click()
        await expect(error).to_contain_text("Leave the user name out of a link.")
        await expect(other.part("profile-links")).to_be_focused()

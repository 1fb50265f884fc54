"""An ephemeral Space on the page: everybody is told before, and afterwards there is nothing but its times."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.visitor import PHONE, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def test_everybody_is_told_that_nothing_is_kept_and_afterwards_nothing_is_there(
    url: str, browser: Browser
) -> None:
    async with (
        visitor(browser, url) as host,
        visitor(browser, url, size=PHONE, color_scheme="dark") as guest,
    ):
        await host.sign_up("Mary Shelley")
        await host.part("new-space").click()
        await host.part("record").check()
        await host.part("keep-nothing").check()
        await expect(host.part("record")).not_to_be_checked()
        assert await host.page.evaluate(_AUDIT) == []
        await host.part("record").check()
        await expect(host.part("keep-nothing")).not_to_be_checked()
        await host.page.keyboard.press("Escape")
        path = await host.create("Villa Diodati", captions=True, ephemeral=True)
        await host.listens()
        await expect(host.part("ephemeral")).to_be_visible()

        await guest.sign_up("Percy Shelley")
        card = guest.page.get_by_role("article").filter(has_text="Villa Diodati")
        await expect(card.get_by_test_id("ephemeral")).to_be_visible()
        # In the live bar too, for who follows somebody on stage.
        await guest.page.evaluate(
            """async (path) => {
                const space = await (await fetch(`/v1${path}`)).json();
                const { token } = JSON.parse(localStorage.getItem("rostrum.identity"));
                const headers = { authorization: `Bearer ${token}` };
                await fetch(`/v1/me/following/${space.host.id}`, { method: "PUT", headers });
            }""",
            path,
        )
        await expect(guest.part("pill").get_by_test_id("ephemeral")).to_be_visible()
        await guest.listen(path)
        await expect(guest.part("ephemeral")).to_be_visible()
        await guest.part("request-to-speak").click()
        await expect(guest.part("nothing-kept")).to_contain_text("Nothing of this Space is kept")
        assert await guest.page.evaluate(_AUDIT) == []
        await guest.part("request-send").click()
        await host.part("accept").click()
        await expect(guest.part("mic")).to_be_visible()

        await host.part("end").click()
        await expect(host.part("confirmation")).to_contain_text("destroyed")
        await host.part("confirm").click()
        for someone in (host, guest):
            await expect(someone.part("state")).to_have_text("Ended")
            await expect(someone.part("title")).to_have_text("[removed]")
            await expect(someone.part("replay-state")).to_have_text("Nothing of this Space was kept.")
            assert await someone.page.evaluate(_AUDIT) == []
        await guest.page.reload()
        await expect(guest.part("title")).to_have_text("[removed]")

        await expect(guest.part("delete-space")).to_be_hidden()
        await host.part("delete-space").click()
        await host.part("confirm").click()
        await host.told("The Space is deleted.")
        await guest.page.reload()
        await expect(guest.part("gone")).to_contain_text("This Space was deleted")

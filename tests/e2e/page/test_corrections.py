"""The host corrects what was heard; everybody sees whose words they are, and the speaker rejects them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.test_words import talker
from tests.e2e.page.visitor import PHONE, Visitor, visitor

__all__ = ["talker"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def _correct(host: Visitor, sentence: str, words: str) -> None:
    """In place of the first caption, which is in parts named `sentence`."""
    await host.part("correct").first.click()
    await expect(host.part("correction")).not_to_have_value("")
    await host.part("correction").fill(words)
    await host.part("correction-send").click()
    await expect(host.part(sentence).first).to_contain_text(words)


async def test_a_caption_is_corrected_and_rejected_live_and_corrected_in_the_replay(
    url: str, browser: Browser, talker: Browser
) -> None:
    async with (
        visitor(browser, url, color_scheme="dark") as host,
        visitor(talker, url) as speaker,
        visitor(browser, url, size=PHONE, home=False) as guest,
    ):
        await host.sign_up("Mary Shelley")
        path = await host.create("In other words", recorded=True, captions=True)
        await host.listens()
        await speaker.sign_up("Percy Shelley")
        await speaker.listen(path)
        await speaker.part("request-to-speak").click()
        await speaker.part("request-send").click()
        await host.part("accept").click()
        await expect(speaker.part("mic")).to_be_visible()
        await speaker.unmute()
        await guest.visit(path)
        heard = await speaker.part("caption").locator("q").first.inner_text()

        hostile = "A --> B <i>&amp; \u201cin other words\u201d"
        await _correct(host, "caption", hostile)
        for someone in (host, speaker, guest):
            await expect(someone.part("caption").first.locator("q")).to_have_text(hostile)
            await expect(someone.part("mark").first).to_contain_text("Corrected by the host.")
            assert await someone.page.evaluate(_AUDIT) == []
        await expect(speaker.part("mark").first).to_contain_text(heard)
        await expect(guest.part("mark").first).not_to_contain_text(heard)
        await expect(guest.part("correct")).to_have_count(0)
        await expect(guest.part("reject-correction")).to_have_count(0)

        await speaker.told("The host corrected what you said")
        await speaker.part("reject-correction").click()
        await speaker.part("confirm").click()
        for someone in (host, speaker, guest):
            await expect(someone.part("caption").first.locator("q")).to_have_text(heard)
        await expect(guest.part("mark").first).to_be_hidden()
        await expect(host.part("mark").first).to_have_text("The speaker rejected a correction.")
        await expect(host.part("caption").nth(1)).to_be_visible()

        await host.part("end").click()
        await host.part("confirm").click()
        await expect(guest.part("sentence").nth(1)).to_be_visible()
        await expect(guest.part("replay")).to_be_visible()
        await expect(host.part("sentence").first.locator("q")).to_have_text(heard)
        await host.part("transcript").get_by_test_id("correct").first.click()
        await host.part("correction").fill("Said otherwise")
        await host.part("correction-send").click()
        for someone in (host, speaker, guest):
            other = someone.part("sentence").filter(has_text="Said otherwise")
            await expect(other.get_by_test_id("mark")).to_contain_text("Corrected by the host.")
            assert await someone.page.evaluate(_AUDIT) == []
        await guest.page.reload()
        await expect(guest.part("sentence").filter(has_text="Said otherwise")).to_be_visible()

        # Wherever the speaker is.
        await speaker.visit()
        await host.part("transcript").get_by_test_id("correct").first.click()
        await host.part("correction").fill("Said once more")
        await host.part("correction-send").click()
        notice = speaker.part("message").filter(has_text="Said once more")
        await expect(notice.get_by_test_id("message-link")).to_be_visible()
        assert await speaker.page.evaluate(_AUDIT) == []
        await notice.get_by_role("button", name="Reject").click()
        await speaker.part("confirm").click()
        await expect(notice).to_have_count(0)
        await expect(guest.part("sentence").filter(has_text="Said ")).to_have_count(0)
        await expect(guest.part("sentence").nth(1)).to_be_visible()

        # Its host deletes one caption, and then the whole transcript; the replay stays.
        many = await guest.part("sentence").count()
        await expect(guest.part("delete-caption")).to_have_count(0)
        await host.part("transcript").get_by_test_id("delete-caption").first.click()
        await host.part("confirm").click()
        for someone in (host, guest):
            await expect(someone.part("sentence")).to_have_count(many - 1)
        await host.part("delete-transcript").click()
        await host.part("confirm").click()
        for someone in (host, guest):
            await expect(someone.part("transcript-panel")).to_be_hidden()
            await expect(someone.part("replay")).to_be_visible()

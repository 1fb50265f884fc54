"""A person in front of the page: what they click and type."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, expect
from playwright.async_api import TimeoutError as TimedOut

from tests.support.waiting import LIMIT

WITHIN: Final = LIMIT * 1000
"""Milliseconds."""
expect.set_options(timeout=WITHIN)
_numbers = itertools.count(1)
PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 800}
_REMEMBER: Final = """
window.past = [];
new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
        const where = target instanceof Element ? target : target.parentElement;
        if (where?.closest("#spoken")) window.past.push(document.getElementById("spoken").textContent);
        for (const node of addedNodes)
            if (["message", "error", "floating"].includes(node.dataset?.testid)) window.past.push(node.textContent);
    }
}).observe(document, { childList: true, characterData: true, subtree: true });
"""
"""Keeps what a page shows for some seconds only: messages, reactions, and what screen readers are told."""


class Visitor:
    """One person with a browser profile of their own."""

    def __init__(self, page: Page, url: str, complaints: list[str]) -> None:
        self.page = page
        self.url = url
        self.complaints = complaints
        """What the browser's console was told to be wrong."""

    def part(self, testid: str) -> Locator:
        """What carries this `data-testid`."""
        return self.page.get_by_test_id(testid)

    async def visit(self, path: str = "/") -> None:
        await self.page.goto(f"{self.url}{path}{'&' if '?' in path else '?'}raw=1")

    async def sign_up(self, name: str) -> None:
        """Through the corner of the page."""
        await self.part("sign-up").click()
        await self.fill_in(name)

    async def fill_in(self, name: str) -> None:
        """The sign-up sheet, however it was opened."""
        await self.part("handle").fill(f"v{next(_numbers)}_{name.split()[0].lower()}"[:15])
        await self.part("name").fill(name)
        await self.part("sign-up-send").click()
        await expect(self.part("me")).to_contain_text(name)

    async def create(
        self, title: str, *, recorded: bool = False, captions: bool = False, ephemeral: bool = False
    ) -> str:
        """A Space, as its host; the path of its page."""
        await self.part("new-space").click()
        await self.part("title").fill(title)
        await self.part("record").set_checked(recorded)
        await self.part("caption").set_checked(captions)
        await self.part("keep-nothing").set_checked(ephemeral)
        await self.part("create").click()
        return await self.arrive(title)

    async def arrive(self, title: str, state: str = "Live") -> str:
        """Wait for the page of a Space that was just created; its path."""
        # The heading first: until the answer comes the list is still there, and each of its cards shows a state.
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(self.part("state")).to_have_text(state)
        return "/spaces/" + (await self.part("link").inner_text()).rsplit("/", 1)[1]

    async def listen(self, path: str) -> None:
        """Open a link and listen."""
        await self.visit(path)
        await self.part("listen").click()
        await self.listens()

    async def listens(self) -> None:
        await expect(self.part("audio")).to_have_attribute("data-state", "on")

    async def unmute(self) -> None:
        await self.part("mic").click()
        await expect(self.part("mic")).to_have_attribute("data-open", "true")
        await expect(self.part("mic")).to_have_attribute("data-state", "on")

    async def told(self, text: str) -> None:
        """Wait for a message, a reaction or what screen readers are told; it may be gone again, but not the page."""
        try:
            script = "(text) => past.some((one) => one.includes(text))"
            await self.page.wait_for_function(script, arg=text, polling=50)
        except TimedOut:
            raise AssertionError(f"{text!r} is not among {await self.past()}") from None

    async def past(self) -> list[str]:
        """All of those of this page so far, in their order."""
        return [str(one) for one in await self.page.evaluate("past")]

    def on_stage(self, name: str) -> Locator:
        """Somebody's place on stage."""
        return self.part("member").filter(has_text=name)


@asynccontextmanager
async def visitor(
    browser: Browser,
    url: str,
    *,
    size: dict[str, int] = DESKTOP,
    motion: bool = False,
    home: bool = True,
    **options: Any,
) -> AsyncIterator[Visitor]:
    """A new visitor, at the first page, or nowhere yet without `home`. What the browser complains of fails the test.

    Without `motion` they have asked their system for less of it: a fifth of Chromium's time goes into drawing it.
    """
    options["reduced_motion"] = "no-preference" if motion else "reduce"
    context = await browser.new_context(viewport={"width": size["width"], "height": size["height"]}, **options)
    context.set_default_timeout(WITHIN)
    await context.add_init_script(_REMEMBER)
    complaints: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    someone = Visitor(page, url, complaints)
    if home:
        await someone.visit()
    try:
        yield someone
    finally:
        await context.close()
    refused = "Failed to load resource"  # a refusal that the page shows to the person
    assert [text for text in complaints if refused not in text] == []

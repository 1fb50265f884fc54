"""A person in front of the page: what they click and type."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, expect

expect.set_options(timeout=10_000)
_numbers = itertools.count(1)
PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 800}


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

    async def create(self, title: str, *, recorded: bool = False, captions: bool = False) -> str:
        """A Space, as its host; the path of its page."""
        await self.part("new-space").click()
        await self.part("title").fill(title)
        await self.part("record").set_checked(recorded)
        await self.part("caption").set_checked(captions)
        await self.part("create").click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(self.part("state")).to_have_text("Live")
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

    def on_stage(self, name: str) -> Locator:
        """Somebody's place on stage."""
        return self.part("member").filter(has_text=name)


@asynccontextmanager
async def visitor(
    browser: Browser, url: str, *, size: dict[str, int] = DESKTOP, **options: Any
) -> AsyncIterator[Visitor]:
    """A new visitor, at the first page. What the browser complains of fails the test."""
    context = await browser.new_context(viewport={"width": size["width"], "height": size["height"]}, **options)
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    someone = Visitor(page, url, complaints)
    await someone.visit()
    try:
        yield someone
    finally:
        await context.close()
    refused = "Failed to load resource"  # a refusal that the page shows to the person
    assert [text for text in complaints if refused not in text] == []

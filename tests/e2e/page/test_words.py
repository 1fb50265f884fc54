"""What is said can be read, live and afterwards, and played again."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
import pytest_asyncio
from av.audio.resampler import AudioResampler
from playwright.async_api import Browser, expect
from playwright.async_api import TimeoutError as TimedOut

from infra.demo.cast import SPEECH
from infra.launcher import System
from tests.e2e.page.visitor import visitor
from tests.support.at_rest import open_to_others, told_in_logs
from tests.support.browser import RATE, chromium, write_wav
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
SPOKEN_SECONDS = 8
_AUDIT = (Path(__file__).parent / "audit.js").read_text()
_HANDLE = "JSON.parse(localStorage.getItem('rostrum.identity')).person.handle"


@pytest_asyncio.fixture(loop_scope="package")
async def talker(tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone hears a few sentences."""
    resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
    samples: list[float] = []
    with av.open(str(sorted(SPEECH.glob("*.flac"))[0])) as file:
        for frame in file.decode(audio=0):
            for part in resampler.resample(frame):
                samples.extend(part.to_ndarray()[0].tolist())
            if len(samples) > SPOKEN_SECONDS * RATE:
                break
    path = write_wav(tmp_path / "speech.wav", [*samples[: SPOKEN_SECONDS * RATE], *[0.0] * (RATE * 2)])
    async with chromium(microphone=path) as browser:
        yield browser


async def test_words_appear_while_spoken_and_are_found_and_played_until_the_host_deletes_them(
    system: System, url: str, browser: Browser, talker: Browser
) -> None:
    async with visitor(talker, url) as host, visitor(browser, url, home=False) as guest:
        await host.sign_up("Mary Shelley")
        path = await host.create("Read aloud", recorded=True, captions=True)
        await host.listens()
        await guest.visit(path)
        await expect(guest.part("recorded")).to_be_visible()
        await host.unmute()

        words = guest.part("caption").filter(has_text="Mary Shelley").locator("q")
        await expect(words.filter(has_text=re.compile(r"\w+ \w+ \w+")).first).to_be_visible()

        await host.part("end").click()
        await host.part("confirm").click()
        await expect(guest.part("state")).to_have_text("Ended")

        await expect(guest.part("replay")).to_be_visible()
        sentence = guest.part("sentence").first
        await expect(sentence).to_contain_text("Mary Shelley")
        async with visitor(browser, url, home=False) as later:
            await later.visit(path)
            await expect(later.part("sentence").first).to_be_visible()

            async def same_times() -> bool:
                """By the replay's clock also where they were drawn before it was there."""
                pages = (guest.page, later.page)
                drawn, fresh = [await one.locator("[data-testid=sentence] time").all_inner_texts() for one in pages]
                return drawn == fresh != []

            await eventually(same_times)
        await sentence.click()
        await guest.page.wait_for_function(
            "(audio) => audio.duration > 3 && audio.currentTime > 0",
            arg=await guest.part("replay").element_handle(),
        )
        await expect(host.part("numbers")).to_contain_text("people spoke")

        text = await guest.part("sentence").locator("q").first.inner_text()
        said = max(re.findall(r"[a-z]+", text), key=len)
        await guest.visit()
        await guest.part("search").fill(said.upper())
        # Others here play the same sentences, in Spaces of another title, and so does the host, again and again.
        hit = guest.part("sentence-hit").filter(has_text=text).filter(has_text="Read aloud").first

        async def is_found() -> bool:
            """Looked for again until the sentence is known to the search, too."""
            await guest.part("search").press("Enter")
            with contextlib.suppress(TimedOut):
                await hit.wait_for(timeout=3000)
                return True
            return False

        await eventually(is_found)
        await expect(hit.locator("mark").first).to_have_text(said)
        await expect(hit).to_contain_text("Mary Shelley")
        assert await guest.page.evaluate(_AUDIT) == []
        # The same by who said it, and when; and by nobody else.
        await guest.part("search-narrow").click()
        await guest.part("search-speaker").fill("@nobody_of_that_name")
        await guest.page.keyboard.press("Enter")
        await expect(guest.part("sentence-hit")).to_have_count(0)
        await guest.part("search-speaker").fill(await host.page.evaluate(_HANDLE))
        await guest.part("search-from").fill(f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}")
        await guest.part("search-to").fill(f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}")
        await guest.part("search").press("Enter")
        await expect(hit).to_be_visible()
        link = hit.get_by_test_id("sentence-link")
        seconds = float((await link.get_attribute("href") or "").partition("#t=")[2])
        await link.click()
        await guest.page.wait_for_function(
            "([audio, seconds]) => Math.abs(audio.currentTime - seconds) < 0.3",
            arg=[await guest.part("replay").element_handle(), seconds],
        )

        await expect(guest.part("sentence").first).to_be_visible()
        await host.part("delete-replay").click()
        await host.part("confirm").click()
        for someone in (host, guest):
            await expect(someone.part("replay-state")).to_have_text("There is no replay any more.")
            await expect(someone.part("replay")).to_be_hidden()
            await expect(someone.part("transcript-panel")).to_be_hidden()
    logs = system.var_dir / "logs"
    assert await asyncio.to_thread(told_in_logs, logs, ("Mary Shelley", "Read aloud", text)) == []
    assert await asyncio.to_thread(open_to_others, system.var_dir) == []

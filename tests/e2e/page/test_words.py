"""What is said can be read, live and afterwards, and played again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
import pytest_asyncio
from av.audio.resampler import AudioResampler
from playwright.async_api import Browser, expect

from infra.demo.cast import SPEECH
from tests.e2e.page.visitor import visitor
from tests.support.browser import RATE, chromium, write_wav

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
SPOKEN_SECONDS = 8


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
    url: str, browser: Browser, talker: Browser
) -> None:
    async with visitor(talker, url) as host, visitor(browser, url) as guest:
        await host.sign_up("Mary Shelley")
        path = await host.create("Read aloud", recorded=True, captions=True)
        await host.listens()
        await guest.visit(path)
        await expect(guest.part("recorded")).to_be_visible()
        await host.unmute()

        caption = guest.part("caption").first
        await expect(caption).to_contain_text("Mary Shelley", timeout=60_000)
        assert re.search(r"\w+ \w+ \w+", await caption.locator("q").inner_text())

        await host.part("end").click()
        await host.part("confirm").click()
        await expect(guest.part("state")).to_have_text("Ended")

        await expect(guest.part("replay")).to_be_visible(timeout=60_000)
        sentence = guest.part("sentence").first
        await expect(sentence).to_contain_text("Mary Shelley", timeout=30_000)
        await sentence.click()
        await guest.page.wait_for_function(
            "(audio) => audio.duration > 3 && audio.currentTime > 0",
            arg=await guest.part("replay").element_handle(),
        )
        await expect(host.part("numbers")).to_contain_text("people spoke", timeout=30_000)

        said = max(re.findall(r"[a-z]+", await guest.part("sentence").locator("q").first.inner_text()), key=len)
        await guest.visit()
        await guest.part("search").fill(said)
        await guest.page.keyboard.press("Enter")
        hit = guest.part("hit").filter(has_text="said at")
        await expect(hit).to_contain_text("Read aloud")
        seconds = float((await hit.get_by_test_id("hit-link").get_attribute("href") or "").partition("#t=")[2])
        await hit.get_by_test_id("hit-link").click()
        await guest.page.wait_for_function(
            "([audio, seconds]) => Math.abs(audio.currentTime - seconds) < 0.3",
            arg=[await guest.part("replay").element_handle(), seconds],
        )

        await host.part("delete-replay").click()
        await host.part("confirm").click()
        await expect(host.part("replay-state")).to_have_text("There is no replay any more.")
        await expect(host.part("transcript-panel")).to_be_hidden()

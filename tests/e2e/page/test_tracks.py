"""A browser reads our WebVTT: a `<track>` of Chromium shows whom and what it should."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Route

from services.transcription.adapters.formats import document
from tests.support.transcripts import LINES, SHOWN, STARTED_AT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
SITE = "http://track.test"
_CUES = """() => new Promise((resolve, reject) => {
    const video = document.createElement('video');
    const track = document.createElement("track");
    Object.assign(track, { src: "/transcript.vtt", kind: "captions", default: true });
    track.onerror = () => reject(new Error('the track cannot be read'));
    track.onload = () => resolve([...track.track.cues].map((cue) => {
        const shown = cue.getCueAsHTML();
        const voice = shown.querySelector('span[title]');
        return { voice: voice.title, text: shown.textContent, tags: shown.querySelectorAll('*').length,
            classes: voice.className, start: cue.startTime, lasts: cue.endTime - cue.startTime };
    }));
    video.append(track);
    document.body.append(video);
    track.track.mode = 'showing';
})"""


async def test_a_browser_shows_the_names_and_words_of_a_transcript(browser: Browser) -> None:
    async def answer(route: Route) -> None:
        if route.request.url.endswith(".vtt"):
            kind, body = document("vtt", LINES, STARTED_AT)
            await route.fulfill(body=body, content_type=kind)
        else:
            await route.fulfill(body="<!doctype html><title>Track</title>", content_type="text/html")

    page = await browser.new_page()
    try:
        await page.route("**/*", answer)
        await page.goto(SITE)
        cues = await page.evaluate(_CUES)
    finally:
        await page.close()
    assert [(cue["voice"], cue["text"]) for cue in cues] == list(SHOWN)
    assert [cue["start"] for cue in cues] == list(range(len(LINES)))
    assert all(cue["lasts"] > 0 for cue in cues)
    marked = [line.corrected_by is not None for line in LINES]
    assert [cue["classes"] == "corrected" for cue in cues] == marked
    # The voice, and the mark of a correction: nothing else is markup.
    assert [cue["tags"] for cue in cues] == [2 if one else 1 for one in marked]

"""Real Chromium, driven by Playwright: with a microphone that plays a file, and ears that tell a tone from silence."""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

from tests.support.chromium import HOW_TO_GET_IT, find_chromium

FLAGS: Final = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",  # gives the microphone without asking; a click is still needed to make sound
)
RATE: Final = 48_000
SILENT: Final = 0.002
"""RMS below this (full scale is 1) is silence."""


@asynccontextmanager
async def chromium(*, microphone: Path | None = None) -> AsyncIterator[Browser]:
    """A headless Chromium of its own process; its microphone plays the WAV file round and round."""
    path = find_chromium()
    if path is None:
        raise RuntimeError(f"there is no Chromium: {HOW_TO_GET_IT}")
    flags = [*FLAGS] if microphone is None else [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


def write_wav(path: Path, samples: Sequence[float], rate: int = RATE) -> Path:
    """Mono samples in -1..1 as a 16-bit WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", round(max(-1.0, min(1.0, sample)) * 32767)) for sample in samples))
    return path


def write_tone(path: Path, hz: float, seconds: int = 1) -> Path:
    """A sine of half of full scale; whole periods in each second, so that it can be repeated without a click."""
    return write_wav(path, [0.5 * math.sin(2 * math.pi * hz * n / RATE) for n in range(RATE * seconds)])


_EARS: Final = """() => {
    const context = new AudioContext({ sampleRate: 48000 });
    const slots = [...document.querySelectorAll('[data-testid=slot]')].filter((element) => element.srcObject);
    const analysers = slots.map((element) => {
        const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
        context.createMediaStreamSource(element.srcObject).connect(analyser);
        return analyser;
    });
    window.heard = () => analysers.map((analyser) => {
        const wave = new Float32Array(2048);
        analyser.getFloatTimeDomainData(wave);
        const level = Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length);
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const hz = bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize;
        return { hz, level };
    }).sort((a, b) => b.level - a.level)[0];
    return context.resume();
}"""
_LOUDEST: Final = """async (ms) => {
    let most = 0;
    for (const end = performance.now() + ms; performance.now() < end;) {
        most = Math.max(most, window.heard().level);
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return most;
}"""


async def grow_ears(page: Page) -> None:
    """Listen in on what the page's listening connection plays, from now on."""
    await page.evaluate(_EARS)


async def hears(page: Page, hz: float, timeout: float = 10.0) -> None:
    """Wait until the loudest slot plays this tone (within 12 Hz, two bins of the analysis)."""
    await page.wait_for_function(
        "(hz) => { const { hz: now, level } = window.heard(); return level > 0.02 && Math.abs(now - hz) < 12; }",
        arg=hz,
        timeout=timeout * 1000,
        polling=50,
    )


async def hears_silence(page: Page, seconds: float, within: float = 5.0) -> None:
    """Wait until every slot is silent, then check that they stay so."""
    await page.wait_for_function(
        "(silent) => window.heard().level < silent", arg=SILENT, timeout=within * 1000, polling=50
    )
    loudest = float(await page.evaluate(_LOUDEST, seconds * 1000))
    assert loudest < SILENT, f"something was heard: level {loudest:.4f}"

"""Real Chromium, driven by Playwright: with a microphone that plays a file, and ears that tell a tone from silence."""

from __future__ import annotations

import math
import struct
import time
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

from tests.support.chromium import HOW_TO_GET_IT, find_chromium
from tests.support.waiting import LIMIT

WITHOUT: Final = (
    # Pages of Chromium's own for its address bar: without them a window takes a quarter of the processor's time.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # What Playwright leaves out; of two lists Chromium reads the last.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
"""Features of Chromium that nothing here needs."""
FLAGS: Final = (
    f"--disable-features={','.join(WITHOUT)}",
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
LOUD: Final = 0.02
SILENT: Final = 0.002
"""RMS below this (full scale is 1) is silence."""


LISTEN: Final = """async () => {
    window.pc = new RTCPeerConnection();
    window.players = [];
    pc.ontrack = ({ track }) => {
        const player = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
        player.play();
        window.players.push(player);
    };
    for (let slot = 0; slot < 3; slot++) pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
"""Begins to listen in three slots, as `window.pc`; the offer."""

TALK: Final = """async (first = "audio/opus") => {
    const context = new AudioContext({ sampleRate: 48000 });
    const tone = new OscillatorNode(context, { frequency: 440 }), out = context.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    window.talks = new RTCPeerConnection();
    talks.addTransceiver(out.stream.getAudioTracks()[0], { direction: 'sendonly' });
    const { codecs } = RTCRtpSender.getCapabilities('audio'), preferred = ({ mimeType }) => mimeType === first;
    codecs.sort((one, other) => preferred(other) - preferred(one));
    talks.getTransceivers()[0].setCodecPreferences(codecs);
    await talks.setLocalDescription();
    return talks.localDescription.sdp;
}"""
"""Begins to play a tone of 440 Hz to the other side, as `window.talks`, in the codec it would rather; the offer."""


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

_WATCH: Final = """(loud) => {
    const context = new AudioContext({ sampleRate: 48000 });
    const ears = new Map();
    let last = performance.now(), longest = 0, looked = last, stood = 0;
    setInterval(() => {
        stood = Math.max(stood, performance.now() - looked);
        looked = performance.now();
        for (const element of document.querySelectorAll('[data-testid=slot]')) {
            const stream = element.srcObject;
            if (!stream) continue;
            if (ears.get(element)?.stream !== stream) {
                const analyser = new AnalyserNode(context, { fftSize: 2048 });
                context.createMediaStreamSource(stream).connect(analyser);
                ears.set(element, { stream, analyser });
            }
            const wave = new Float32Array(1024);
            ears.get(element).analyser.getFloatTimeDomainData(wave);
            if (Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length) < loud) continue;
            longest = Math.max(longest, performance.now() - last);
            last = performance.now();
        }
    }, 20);
    window.silence = (forget) => {
        const now = performance.now();
        const told = { now: (now - last) / 1000, longest: longest / 1000, stood: stood / 1000 };
        if (forget) longest = stood = 0;
        return told;
    };
    return context.resume();
}"""


async def time_silences(page: Page) -> None:
    """Watch from now on what the page plays, over all its connections."""
    await page.evaluate(_WATCH, LOUD)


async def longest_silence(page: Page) -> float:
    """The longest time without sound since it was asked last, in seconds; an unfinished one counts.

    On a busy machine the page itself stands still now and then, and hears nothing: so long may be none of it.
    """
    told = await page.evaluate("() => window.silence(true)")
    return float(max(told["now"], told["longest"], told["stood"]) - told["stood"])


async def sounds(page: Page, timeout: float = LIMIT) -> None:
    """Wait until something is heard at this moment."""
    await page.wait_for_function("() => window.silence(false).now < 0.1", timeout=timeout * 1000, polling=20)


async def grow_ears(page: Page) -> None:
    """Listen in on what the page's listening connection plays, from now on."""
    await page.evaluate(_EARS)


async def hears(page: Page, hz: float, timeout: float = LIMIT) -> None:
    """Wait until the loudest slot plays this tone (within 12 Hz, two bins of the analysis)."""
    await page.wait_for_function(
        "(hz) => { const { hz: now, level } = window.heard(); return level > 0.02 && Math.abs(now - hz) < 12; }",
        arg=hz,
        timeout=timeout * 1000,
        polling=50,
    )


async def hears_silence(page: Page, seconds: float, within: float = LIMIT) -> None:
    """Wait until every slot is silent, and stays so for these seconds: what was on its way may come after a gap."""
    end = time.monotonic() + within
    while (loudest := float(await page.evaluate(_LOUDEST, seconds * 1000))) >= SILENT:
        assert time.monotonic() < end, f"something was heard: level {loudest:.4f}"
